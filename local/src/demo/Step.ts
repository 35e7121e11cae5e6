/** One step of the demo: a request through a real trigger, and the proof of what it did. */

/** What a step shows when it is right. */
export interface Shown {
  readonly answer: string
  /** What is now where: one line for each place. */
  readonly stored: ReadonlyArray<string>
}

export interface Step {
  readonly title: string
  readonly trigger: string
  /** Rejects when anything is not as it has to be. */
  readonly run: () => Promise<Shown>
}

/** Fails a step unless the condition holds. */
export const expect = (condition: boolean, otherwise: string): void => {
  if (!condition) throw new Error(otherwise)
}

const row = (label: string, text: string): string => `    ${label.padEnd(9)}${text}`

const rows = (label: string, texts: ReadonlyArray<string>): ReadonlyArray<string> =>
  texts.map((text, index) => row(index === 0 ? label : "", text))

/** Runs the steps one after the other, prints each, and answers how many were wrong. */
export const runSteps = async (steps: ReadonlyArray<Step>, print: (text: string) => void): Promise<number> => {
  let wrong = 0
  for (const { title, trigger, run } of steps) {
    try {
      const { answer, stored } = await run()
      print(["", `  ✓ ${title}`, row("trigger", trigger), row("answer", answer), ...rows("stored", stored)].join("\n"))
    } catch (error) {
      wrong += 1
      const reason = error instanceof Error ? error.message : String(error)
      print(["", `  ✗ ${title}`, row("trigger", trigger), row("wrong", reason)].join("\n"))
    }
  }
  return wrong
}
