/** Which service has what: the stacks by their contents. */
import type { FunctionName } from "../../src/handlers/Functions.ts"
import type { BucketKey, QueueKey, Stage, TableKey } from "./resources.ts"

/** What a service's stack is made of. */
export interface ServiceDefinition {
  /** The first part of the stack's name. */
  readonly stackName: string
  readonly functions: ReadonlyArray<FunctionName>
  readonly tables: ReadonlyArray<TableKey>
  readonly queues: ReadonlyArray<QueueKey>
  readonly buckets: ReadonlyArray<BucketKey>
  /** Whether its functions need a network in which a database is. */
  readonly network?: "idMinter" | "dexArchive"
}

/** The services. */
export const services = {
  MParticle: {
    stackName: "mparticle-api",
    functions: ["mparticle-api-http", "mparticle-api-retry", "mparticle-api-reconcile", "mparticle-api-deletion"],
    tables: ["dsr", "correlation", "breaker"],
    queues: ["fallback", "deletion"],
    buckets: ["results"]
  },
  // Its requests are MParticle's, whose tables it uses.
  Baton: { stackName: "baton", functions: ["mparticle-api-lambda"], tables: [], queues: [], buckets: [] },
  Staging: {
    stackName: "staging",
    functions: ["staging", "staging-sweeper"],
    tables: ["conversations", "stage", "lock"],
    queues: ["whatsapp", "sms", "email", "handoff", "parking"],
    buckets: ["handoff"]
  },
  IdMinter: {
    stackName: "id-minter",
    functions: ["id-minter-stepfunction", "id-minter-sqs", "id-minter-pool", "id-minter-migrate"],
    tables: [],
    queues: ["idMinter", "idMinterDownstream"],
    buckets: [],
    network: "idMinter"
  },
  DexArchive: {
    stackName: "dex-archive",
    functions: ["dex-trigger-response-archive", "dex-archive-verify"],
    tables: [],
    queues: [],
    buckets: ["dex"],
    network: "dexArchive"
  }
} as const satisfies Record<string, ServiceDefinition>

/** A service's name. */
export type ServiceName = keyof typeof services

/** The name of a service's stack in a stage. */
export const stackName = (service: ServiceName, stage: Stage): string => `${services[service].stackName}-${stage}`

/** The service that a function is part of. */
export const serviceOf = (name: FunctionName): ServiceName => {
  const all: ReadonlyArray<readonly [string, ServiceDefinition]> = Object.entries(services)
  const found = all.find(([, { functions }]) => functions.includes(name))
  if (found === undefined) throw new Error(`the function ${name} is in no service: add it to infra/src/services.ts`)
  // Object.entries forgets the keys' type.
  return found[0] as ServiceName
}
