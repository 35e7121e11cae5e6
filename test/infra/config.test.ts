/** The configuration of a stage: what is refused, and in which words. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "vitest"
import { exampleValues, loadConfig, readConfig } from "../../infra/src/Config.ts"

type Json = Readonly<Record<string, unknown>>

const committed = (stage: string): Json =>
  JSON.parse(readFileSync(new URL(`../../infra/config/${stage}.json`, import.meta.url), "utf8"))

/** The committed configuration with another value at a path. */
const withValue = (value: Json, [first = "", ...rest]: ReadonlyArray<string>, put: unknown): Json => ({
  ...value,
  // A path of these tests leads through objects.
  [first]: rest.length === 0 ? put : withValue(value[first] as Json, rest, put)
})

const refused: ReadonlyArray<readonly [path: string, value: unknown, words: RegExp]> = [
  ["account", "12345", /^account: must be an account id of 12 digits$/m],
  ["alarmEmail", "nobody", /^alarmEmail: must be an e-mail address$/m],
  ["logRetentionDays", 31, /^logRetentionDays: must be one of 1, 3, 5/m],
  ["baton.allowedAccounts", "", /^baton\.allowedAccounts: must be account ids of 12 digits, separated by commas$/m],
  ["baton.allowedAccounts", "*", /^baton\.allowedAccounts: must be account ids/m],
  ["baton.allowedAccounts", "111111111111,", /^baton\.allowedAccounts: must be account ids/m],
  ["baton.allowedAccounts", "11111111111", /^baton\.allowedAccounts: must be account ids/m],
  ["idMinter.network.subnetIds", [], /^idMinter\.network\.subnetIds/m],
  [
    "idMinter.network.securityGroupIds",
    ["vpc-1"],
    /^idMinter\.network\.securityGroupIds\.0: must be a security group's id$/m
  ],
  ["idMinter.databaseHost", "https://db.example.org", /^idMinter\.databaseHost: must be a host's name/m],
  [
    "idMinter.concurrency",
    { stepFunction: 99, sqs: 99 },
    /^idMinter\.concurrency: must fit the database: \d+ connections/m
  ],
  ["idMinter.concurrency.sqs", 1, /^idMinter\.concurrency\.sqs: must be a whole number from 2 to 1000$/m],
  ["dexArchive.triggerTimeZone", "Mars/Olympus", /^dexArchive\.triggerTimeZone: must be the name of a time zone/m],
  ["dexArchive.apiBaseUrl", "http://dex.example.org", /^dexArchive\.apiBaseUrl: must be an https URL$/m],
  ["staging.throttle.rate", 0, /^staging\.throttle\.rate: must be a whole number/m],
  ["mparticle.pods", "eu1", /^mparticle\.pods: is unexpected/m]
]

describe("a stage's configuration", () => {
  it.each(refused)("refuses %s: %j", (path, value, words) => {
    const wrong = withValue(committed("CODE"), path.split("."), value)
    assert.throws(() => readConfig("CODE", wrong), words)
    assert.throws(() => readConfig("CODE", wrong), /^infra\/config\/CODE\.json will not do:$/m)
  })

  it("names every fault at once, and what is missing", () => {
    const wrong = withValue({ ...committed("PROD"), account: undefined }, ["alarmEmail"], 1)
    assert.throws(() => readConfig("PROD", wrong), /account: [\s\S]*alarmEmail: /)
  })

  it.each(["CODE", "PROD"] as const)("%s is committed with values that are plainly examples", (stage) => {
    const examples = exampleValues(loadConfig(stage))
    for (const field of [
      "account",
      "alarmEmail",
      "baton.allowedAccounts",
      "idMinter.databaseHost",
      "dexArchive.apiBaseUrl"
    ]) {
      assert.include(examples, field)
    }
    assert.notInclude(examples, "region")
  })

  it("no longer finds examples where there are none", () => {
    const real = { account: "210987654321", alarmEmail: "a@acme.co.uk", idMinter: { databaseHost: "db.acme.internal" } }
    assert.isEmpty(exampleValues(real))
    assert.deepEqual(exampleValues({ ...real, hosts: ["a.acme.org", "b.example.org"] }), ["hosts.1"])
  })
})
