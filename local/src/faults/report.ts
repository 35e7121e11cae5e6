/** What the run writes into docs/faults.md, between its marks: the tables and the figures. */
import { table } from "../markdown.ts"
import type { Campaign } from "./campaign.ts"
import type { CrashOutcome } from "./crashPoints.ts"
import type { NemesisReport } from "./nemesis/run.ts"
import type { Outcome } from "./Row.ts"

const services = ["Baton", "MParticle", "Staging", "IdMinter", "DexArchive"] as const

const mark = (isRight: boolean): string => (isRight ? "✓" : "✗")

const faultTable = (rows: ReadonlyArray<Outcome>): string =>
  table(
    ["", "fault", "expected", "seen"],
    rows.map(({ expected, fault, isRight, seen }) => [mark(isRight), fault, expected, seen])
  )

const crashTable = (crashes: ReadonlyArray<CrashOutcome>): string =>
  table(
    ["", "service", "operation", "calls", "killed", "not met again"],
    services.flatMap((service) =>
      crashes
        .filter((one) => one.service === service)
        .map(({ calls, kills, missed, name, wrong }) => [
          mark(wrong.length === 0),
          service,
          [name, ...wrong].join("; "),
          String(calls),
          String(kills),
          String(missed)
        ])
    )
  )

const nemesisText = ({
  deadLetters,
  injected,
  promised,
  seconds,
  seed,
  services: counts,
  violations
}: NemesisReport): string =>
  [
    `Seed ${seed}, ${seconds} seconds of load. ${violations.length === 0 ? "✓ Everything that was promised is there, once." : "✗ Not everything that was promised is there:"}`,
    ...(violations.length === 0 ? [] : [violations.map((text) => `- ${text}`).join("\n")]),
    table(
      ["service", "operations answered", "refused", "without an answer"],
      Object.entries(counts).map(([service, { fail, ok, unknown }]) => [
        service,
        String(ok),
        String(fail),
        String(unknown)
      ])
    ),
    table(
      ["promised", "how many"],
      [
        ...Object.entries(promised).map(([kind, count]) => [`${kind}s`, String(count)]),
        ["dead letters brought back", String(deadLetters)]
      ]
    ),
    table(
      ["done to them", "how often"],
      Object.entries(injected)
        .toSorted(([, one], [, other]) => other - one)
        .map(([name, count]) => [name, String(count)])
    )
  ].join("\n\n")

/** The generated part of the page. */
export const report = ({ crashes, rows }: Campaign, nemesis: NemesisReport): string =>
  [
    "## Faults, and what came of them",
    ...services.flatMap((service) => {
      const own = rows.filter((row) => row.service === service)
      return [`### ${service}`, `${own.length} faults.`, faultTable(own)]
    }),
    "## Crash points",
    `${crashes.reduce((sum, { kills }) => sum + kills, 0)} processes killed.`,
    crashTable(crashes),
    "## The nemesis",
    nemesisText(nemesis)
  ].join("\n\n")
