/** One thing that is looked at before a deployment, and how it is told. */

/** How a check ended; a warning stops nothing. */
export type Verdict = "passed" | "warning" | "failed"

/** What a check found: in a line what was looked at, and, a line each, what is wrong and what to do. */
export interface Check {
  readonly verdict: Verdict
  readonly what: string
  readonly findings: ReadonlyArray<string>
}

/** A check that failed where there are findings. */
export const check = (what: string, findings: ReadonlyArray<string>): Check => ({
  verdict: findings.length === 0 ? "passed" : "failed",
  what,
  findings
})

/** A check that only warns where there are findings. */
export const warning = (what: string, findings: ReadonlyArray<string>): Check => ({
  verdict: findings.length === 0 ? "passed" : "warning",
  what,
  findings
})

/** The check that a piece of work makes, or a failed one where the work throws. */
export const attempted = async (what: string, work: () => Promise<Check>): Promise<Check> => {
  try {
    return await work()
  } catch (error) {
    return check(what, [error instanceof Error ? error.message : String(error)])
  }
}

/** A check as people see it. */
export const shown = ({ findings, verdict, what }: Check): string =>
  [
    `${verdict.padEnd(8)} ${what}`,
    ...findings.flatMap((line) => line.split("\n")).map((line) => `           ${line}`)
  ].join("\n")

/** The last line, and whether a deployment may follow. */
export const summary = (checks: ReadonlyArray<Check>): { readonly line: string; readonly ok: boolean } => {
  const count = (verdict: Verdict): number => checks.filter((one) => one.verdict === verdict).length
  return {
    line: `${count("passed")} passed, ${count("warning")} with warnings, ${count("failed")} failed`,
    ok: count("failed") === 0
  }
}
