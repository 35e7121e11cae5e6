/** What the tests of alarms and dashboards share: a stage that has everything, and the rows of the runbook. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { type ServiceName, services } from "../../infra/src/services.ts"
import type { Target } from "../../infra/src/watch/Target.ts"

/** The services by name. */
export const serviceNames = Object.keys(services) as ReadonlyArray<ServiceName>

/** A stage with all that is optional. */
export const everything = (stage: "CODE" | "PROD" = "PROD"): Target => ({
  stage,
  api: { name: "an-api", stage: stage.toLowerCase() },
  stateMachineArn: (file) => `arn:aws:states:eu-west-1:123456789012:stateMachine:${file}`,
  timeZone: "America/New_York",
  trailLogGroup: "the-trail"
})

/** One line of the runbook. */
export interface RunbookRow {
  readonly service: string
  readonly key: string
  readonly fixedName: string | undefined
  readonly cells: ReadonlyArray<string>
}

/** Where the runbook and its neighbours are. */
export const docs = join(import.meta.dirname, "../../docs")

/** The runbook's text. */
export const page = readFileSync(join(docs, "runbook.md"), "utf8")

/** The lines about alarms: a section for each service, with one table. */
export const runbook: ReadonlyArray<RunbookRow> = page.split(/^## /m).flatMap((section) => {
  const service = section.split("\n")[0] ?? ""
  if (!serviceNames.some((name) => name === service)) return []
  return section
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => {
      const [name = "", ...cells] = line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim())
      const [key = "", fixedName] = [...name.matchAll(/`([^`]+)`/g)].flatMap(([, text]) => text ?? [])
      return { service, key, fixedName, cells }
    })
})
