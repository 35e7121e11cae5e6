/** The alarms that the contracts ask for, row by row, with their thresholds. */
import { assert, describe, it } from "vitest"
import type { ServiceName } from "../../infra/src/services.ts"
import { alarmsOf } from "../../infra/src/watch/alarms/alarmsOf.ts"
import { type AlarmDefinition, metricsOf } from "../../infra/src/watch/Definition.ts"
import { everything } from "./watchSupport.ts"

const find = (service: ServiceName, key: string): AlarmDefinition => {
  const found = alarmsOf(service, everything()).find((definition) => definition.key === key)
  if (found === undefined) throw new Error(`${service} has no alarm ${key}`)
  return found
}

/** `Sum Errors >= 1, 1 x 300 s`: all that decides whether an alarm goes off, in one line. */
const ruleOf = (definition: AlarmDefinition): string => {
  const { comparison, of, periods, threshold, watched } = definition
  const [metric] = metricsOf(definition)
  const subject = watched.kind === "math" ? watched.expression : `${metric?.statistic ?? ""} ${metric?.name ?? ""}`
  const limit = watched.kind === "anomaly" ? `above ${watched.deviations} deviations` : `${comparison} ${threshold}`
  const some = of === undefined ? "" : `${of} of `
  return `${subject} ${limit}, ${some}${periods} x ${metric?.periodSeconds ?? 0} s`
}

type Rows = ReadonlyArray<readonly [key: string, rule: string, missing?: AlarmDefinition["missing"]]>

const holds = (service: ServiceName, rows: Rows): void => {
  for (const [key, rule, missing = "notBreaching"] of rows) {
    const definition = find(service, key)
    assert.strictEqual(ruleOf(definition), rule, key)
    assert.strictEqual(definition.missing, missing, key)
  }
}

describe("the contract of MParticle and Baton", () => {
  it("1.16: stuck requests, more than 10 % of an hour failed, refused invokes of other accounts", () => {
    holds("MParticle", [
      ["stuck-unsent", "Maximum StuckRequests > 0, 1 x 1800 s"],
      ["stuck-unacknowledged", "Maximum StuckRequests > 0, 1 x 1800 s"],
      ["stuck-overdue", "Maximum StuckRequests > 0, 1 x 1800 s"],
      ["stuck-uncopied", "Maximum StuckRequests > 0, 1 x 1800 s"]
    ])
    holds("Baton", [["refused-invokes", "Sum BatonInvokesRefused >= 1, 1 x 300 s"]])
  })

  it("T-68: the failure rate of an hour, with a sample of ten at least", () => {
    const rate = find("Baton", "failure-rate")
    const sample = "IF(FILL(received, 0) > FILL(failed, 0), FILL(received, 0), FILL(failed, 0))"
    holds("Baton", [["failure-rate", `IF(${sample} >= 10, 100 * FILL(failed, 0) / ${sample}, 0) > 10, 1 x 3600 s`]])
    assert.deepStrictEqual(
      metricsOf(rate).map(({ name, periodSeconds, statistic }) => [name, statistic, periodSeconds]),
      [
        ["BatonRequestsFailed", "Sum", 3_600],
        ["BatonRequestsReceived", "Sum", 3_600]
      ]
    )
  })

  it("1.16: 5XX > 5 %, latency, failures of requests, expiry of the certificate, volume", () => {
    holds("MParticle", [
      ["api-5xx-rate", "Average 5XXError > 0.05, 1 x 300 s"],
      ["api-latency", "p95 Latency > 2000, 1 x 600 s"],
      ["dsr-failures", "FILL(m0, 0) + FILL(m1, 0) > 10, 1 x 900 s"],
      ["certificate-expiry", "Minimum CertificateExpiryDays < 30, 1 x 3600 s", "ignore"],
      ["api-volume", "Sum Count above 4 deviations, 1 x 1800 s"]
    ])
    holds("Baton", [["volume", "Sum BatonRequestsReceived above 4 deviations, 1 x 1800 s"]])
    assert.strictEqual(find("MParticle", "api-5xx-rate").severity, "critical")
    assert.deepInclude(find("MParticle", "certificate-failures"), { threshold: 1, comparison: ">", periods: 1 })
  })

  it("1.16: 5XX and errors of every function within 24 hours, dead letters", () => {
    const day = "1 of 288 x 300 s"
    const functions = ["http", "retry", "reconcile", "deletion"]
    holds("MParticle", [
      ["api-5xx-24h", `Sum 5XXError >= 1, ${day}`],
      ...functions.map((name) => [`${name}-errors-24h`, `Sum Errors >= 1, ${day}`] as const),
      ["fallback-dlq", "Maximum ApproximateNumberOfMessagesVisible > 0, 1 x 60 s", "ignore"],
      ["deletion-dlq", "Maximum ApproximateNumberOfMessagesVisible > 0, 1 x 60 s", "ignore"]
    ])
    holds("Baton", [["errors-24h", `Sum Errors >= 1, ${day}`]])
  })

  it("1.13 and decision 12: the law's time by the age of messages, alerts by severity, breakers", () => {
    holds("MParticle", [
      ["fallback-age", "Maximum ApproximateAgeOfOldestMessage > 3600, 1 x 300 s"],
      ["fallback-deadline", "Maximum ApproximateAgeOfOldestMessage > 604800, 1 x 300 s", "ignore"],
      ["alerts-high", "Sum Alerts >= 1, 1 of 2 x 300 s"],
      ["alerts-medium", "Sum Alerts >= 1, 1 of 2 x 300 s"],
      ["breaker-mparticle-dsr", "Maximum CircuitState >= 2, 1 of 4 x 300 s"]
    ])
    assert.strictEqual(find("MParticle", "alerts-high").severity, "critical")
    assert.strictEqual(find("MParticle", "alerts-medium").severity, "warning")
  })
})

describe("the contract of Staging", () => {
  it("A1.10: lines, silence, signatures, secrets, lookups", () => {
    holds("Staging", [
      ["error-lines", "Sum StagingErrorLines > 5, 5 x 60 s"],
      ["silent", "Sum Invocations < 1, 1 x 900 s", "breaching"],
      ["invalid-signature", "Sum InvalidSignatureCount > 0, 1 x 60 s"],
      ["secret-failures", "Sum SecretFetchFailedCount > 0, 1 x 300 s"],
      ["lookup-not-found", "Sum CredentialLookupNotFoundCount > 10, 1 x 300 s"],
      ["internal-errors", "Sum InternalErrorCount >= 1, 1 x 60 s"]
    ])
    assert.strictEqual(find("Staging", "invalid-signature").severity, "critical")
    assert.strictEqual(find("Staging", "secret-failures").severity, "critical")
    assert.strictEqual(find("Staging", "lookup-not-found").severity, "warning")
  })

  it("A1.10: dead letters, depth and age of the queues", () => {
    holds("Staging", [
      ...["whatsapp", "sms", "email"].flatMap(
        (channel) =>
          [
            [`${channel}-dlq`, "Maximum ApproximateNumberOfMessagesVisible > 0, 1 x 60 s", "ignore"],
            [`${channel}-depth`, "Maximum ApproximateNumberOfMessagesVisible > 100, 5 x 60 s"]
          ] as const
      ),
      ["handoff-depth", "Maximum ApproximateNumberOfMessagesVisible > 50, 1 x 300 s"],
      ["handoff-age", "Maximum ApproximateAgeOfOldestMessage > 3600, 1 x 300 s"],
      ["handoff-dlq", "Maximum ApproximateNumberOfMessagesVisible > 0, 1 x 60 s", "ignore"],
      ["parking-dlq", "Maximum ApproximateNumberOfMessagesVisible > 0, 1 x 60 s", "ignore"]
    ])
  })

  it("A1.10: the API, throttles and the average duration", () => {
    holds("Staging", [
      ["api-5xx", "Sum 5XXError > 0, 1 x 300 s"],
      ["api-4xx", "Sum 4XXError > 10, 1 x 300 s"],
      ["api-latency", "p95 Latency > 1000, 1 x 300 s"],
      ["throttles", "Sum Throttles > 0, 1 x 300 s"],
      ["duration", "Average Duration > 5000, 1 x 300 s"]
    ])
  })

  it("cases 62 and 79, and its page: what SQS refuses, what stays parked or is told again", () => {
    holds("Staging", [
      ["trigger-refused", "FILL(m0, 0) + FILL(m1, 0) + FILL(m2, 0) >= 1, 1 x 300 s"],
      ["parked", "Maximum StagingParkedKept > 0, 3 of 4 x 300 s"],
      ["retriggered", "Maximum StagingRetriggered > 0, 3 x 300 s"],
      ["untold", "Maximum StagingRetriggerFailed > 0, 3 x 300 s"]
    ])
  })
})

describe("the contract of the IdMinter", () => {
  it("1.10: failures and the rate of success of each interface, guarded against nothing at all", () => {
    for (const name of ["stepfunction", "sqs"]) {
      holds("IdMinter", [
        [`${name}-errors`, `Sum Errors >= 1, 1 of ${name === "sqs" ? 6 : 2} x 60 s`],
        [`${name}-throttles`, "Sum Throttles > 0, 1 x 300 s"],
        [`${name}-failures`, "Sum id_minter.failure_count > 0, 1 of 2 x 300 s"],
        [`${name}-processing-time`, "Average id_minter.processing_time above 3 deviations, 3 of 4 x 300 s"]
      ])
      const rate = find("IdMinter", `${name}-success-rate`)
      assert.match(ruleOf(rate), /^IF\(FILL\(done, 0\) \+ FILL\(failed, 0\) >= 10, .*, 100\) < 95, 2 of 10 x 60 s$/)
    }
  })
})

describe("the contract of the DexArchive", () => {
  it("B1.10: errors and duration, by the names that they have", () => {
    holds("DexArchive", [
      ["errors", "Sum Errors >= 1, 1 of 4 x 300 s"],
      ["duration", "Maximum Duration > 840000, 1 of 4 x 300 s"]
    ])
    assert.strictEqual(find("DexArchive", "errors").fixedName, "DexTriggerArchive-Lambda-Errors")
    assert.strictEqual(find("DexArchive", "duration").fixedName, "DexTriggerArchive-Lambda-Duration")
    for (const key of ["errors", "duration"]) {
      const [metric] = metricsOf(find("DexArchive", key))
      assert.deepStrictEqual(metric?.dimensions, { FunctionName: "dex-trigger-response-archive" })
    }
  })

  it("B2.3: failed clients, fatal errors, no run in 26 hours on weekdays", () => {
    holds("DexArchive", [
      ["failed-clients", "Sum Failed >= 1, 1 of 4 x 300 s"],
      ["fatal", "Sum Fatal >= 1, 1 of 4 x 300 s"],
      ["no-run", "FILL(runs, 0) < 1, 26 x 3600 s", "breaching"]
    ])
    assert.deepStrictEqual(find("DexArchive", "no-run").mute, {
      minute: "35",
      hour: "22",
      weekDay: "SAT",
      hours: 48,
      timeZone: "America/New_York"
    })
  })
})
