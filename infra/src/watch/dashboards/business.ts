/** The first row of each dashboard: what the service is there for, in numbers that the code writes. */
import type { ServiceName } from "../../services.ts"
import type { MetricDefinition } from "../Definition.ts"
import { ofCode, type View } from "../Metric.ts"
import { namespaces } from "../Target.ts"
import type { Graph, Line, Row } from "./Row.ts"

const sum: View = ["Sum", 300]
const most: View = ["Maximum", 300]
const rare: View = ["p95", 300]

type Dimensions = MetricDefinition["dimensions"]

/** A line of one metric, by the value that tells it from its neighbours. */
const of =
  (service: ServiceName) =>
  (label: string, name: string, view: View = sum, dimensions: Dimensions = {}): Line => ({
    label,
    metric: ofCode(namespaces[service])(name, view, dimensions)
  })

const batonGraphs = (): ReadonlyArray<Graph> => {
  const line = of("Baton")
  return [
    {
      title: "Requests of Baton",
      lines: [
        line("received", "BatonRequestsReceived"),
        line("completed", "BatonRequestsCompleted"),
        line("failed", "BatonRequestsFailed")
      ]
    },
    {
      title: "Time until mParticle has a request, one in twenty (ms)",
      lines: ["delete", "export"].map((Type) => line(Type, "DSRSubmissionDuration", rare, { Type }))
    }
  ]
}

const mparticleGraphs = (): ReadonlyArray<Graph> => {
  const line = of("MParticle")
  const results = ["true", "false"] as const
  return [
    {
      title: "Requests handed to mParticle",
      lines: ["delete", "export"].flatMap((Type) =>
        results.map((Success) =>
          line(Success === "true" ? Type : `${Type}, failed`, "DSRSubmissions", sum, { Type, Success })
        )
      )
    },
    {
      title: "Requests that are stuck",
      lines: ["unsent", "unacknowledged", "overdue", "uncopied"].map((Kind) =>
        line(Kind, "StuckRequests", most, { Kind })
      )
    },
    {
      title: "Callbacks and their certificate",
      lines: [
        line("believed", "CertificateValidations", sum, { Success: "true" }),
        line("days that the certificate has left", "CertificateExpiryDays", ["Minimum", 3_600])
      ]
    },
    {
      title: "Deletions of people and events",
      lines: [
        ...["mparticle-deletion", "braze"].flatMap((Upstream) =>
          results.map((Success) =>
            line(Success === "true" ? Upstream : `${Upstream}, failed`, "UserDeletions", sum, { Upstream, Success })
          )
        ),
        ...results.map((Success) =>
          line(Success === "true" ? "events" : "events, failed", "EventsProcessed", sum, { Success })
        )
      ]
    },
    {
      title: "Alerts, defects and requests that had to wait",
      lines: [
        ...["HIGH", "MEDIUM"].map((Severity) => line(Severity, "Alerts", sum, { Severity })),
        line("defects", "Defects"),
        line("to the fallback queue", "FallbackQueued")
      ]
    },
    {
      title: "Answers of mParticle and Braze, one in twenty (ms)",
      lines: [
        ...["mParticle", "mParticle events", "mParticle deletion"].map((Api) =>
          line(Api, "MParticleAPILatency", rare, { Api })
        ),
        line("Braze", "BrazeAPILatency", rare, { Api: "Braze" })
      ]
    }
  ]
}

const stagingGraphs = (): ReadonlyArray<Graph> => {
  const line = of("Staging")
  return [
    {
      title: "Messages that were taken",
      // The receipts of src/services/Staging.ts in capitals; a message that came again is none of them.
      lines: ["whatsapp", "sms", "email"].flatMap((Channel) =>
        ["TRIGGERED", "JOINED", "HANDEDOFF"].map((Code) =>
          line(`${Channel}, ${Code.toLowerCase()}`, "StagingOutcomes", sum, { Code, Channel })
        )
      )
    },
    {
      title: "Not believed, or without what is needed",
      lines: [
        line("signature", "InvalidSignatureCount"),
        line("secret", "SecretFetchFailedCount"),
        line("no conversation", "CredentialLookupNotFoundCount"),
        line("mistake in the code", "InternalErrorCount")
      ]
    },
    {
      title: "The sweeper",
      lines: [
        line("told again", "StagingRetriggered"),
        line("not told", "StagingRetriggerFailed", most),
        line("parked, taken", "StagingParkedTaken"),
        line("parked, kept", "StagingParkedKept", most)
      ]
    }
  ]
}

const idMinterGraphs = (): ReadonlyArray<Graph> => {
  const line = of("IdMinter")
  return ["stepfunction", "sqs"].flatMap((name) => [
    {
      title: `Works by ${name}`,
      lines: [
        line("asked for", "id_minter.batch_size", sum, { interface: name }),
        line("minted", "id_minter.success_count", sum, { interface: name }),
        line("failed", "id_minter.failure_count", sum, { interface: name })
      ]
    },
    {
      title: `Time of a batch by ${name} (ms)`,
      lines: [
        line("average", "id_minter.processing_time", ["Average", 300], { interface: name }),
        line("one in twenty", "id_minter.processing_time", rare, { interface: name })
      ]
    }
  ])
}

const dexArchiveGraphs = (): ReadonlyArray<Graph> => {
  const line = of("DexArchive")
  return [
    {
      title: "Clients of a run",
      lines: [
        line("all", "TotalClients"),
        line("archived", "Archived"),
        line("failed", "Failed"),
        line("overwritten", "Overwritten"),
        line("unchanged", "Unchanged")
      ]
    },
    { title: "Time of a run (ms)", lines: [line("run", "DurationMs", most)] },
    {
      title: "Fatal, and what verifications found",
      lines: [line("fatal", "Fatal"), line("missing", "VerifiedMissing"), line("altered", "VerifiedAltered")]
    }
  ]
}

const graphs: Readonly<Record<ServiceName, () => ReadonlyArray<Graph>>> = {
  Baton: batonGraphs,
  MParticle: mparticleGraphs,
  Staging: stagingGraphs,
  IdMinter: idMinterGraphs,
  DexArchive: dexArchiveGraphs
}

/** The row. */
export const business = (service: ServiceName): Row => ({ title: "Business", graphs: graphs[service]() })
