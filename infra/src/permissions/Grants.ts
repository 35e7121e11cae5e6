/**
 * What each function may do: exactly what its code does. The test run compares this with the calls that it saw, and fails
 * on what is missing here as well as on what no call needed (`Comparison.ts`).
 */
import type { FunctionName } from "../../../src/handlers/Functions.ts"
import type { QueueKey } from "../resources.ts"
import type { Grant, Resource, SecretKey } from "./Grant.ts"

const on = (resource: Resource, ...actions: ReadonlyArray<string>): Grant => ({ actions, resources: [resource] })

const parameters = (...names: ReadonlyArray<string>): Grant => ({
  actions: ["ssm:GetParameters"],
  resources: names.map((name) => ({ parameters: name }))
})

const secrets = (...keys: ReadonlyArray<SecretKey>): Grant => ({
  actions: ["secretsmanager:GetSecretValue"],
  resources: keys.map((secret) => ({ secret }))
})

const sends = (...keys: ReadonlyArray<QueueKey>): Grant => ({
  actions: ["sqs:SendMessage"],
  resources: keys.map((queue) => ({ queue }))
})

/** What all that handle requests read in one go. */
const settings = parameters(
  "baton-correlation-table",
  "callback-certificate-path",
  "dynamodb-table-name",
  "email-hash-key",
  "events-api-key",
  "events-api-secret",
  "fallback-queue-url",
  "mparticle-api-key",
  "mparticle-api-secret",
  "mparticle-workspace-id",
  "pod",
  "sar-results-bucket"
)

/** Reading a request, moving it on with an entry in its audit trail, and releasing its lock at its end. */
const requests = on(
  { table: "dsr" },
  "dynamodb:DeleteItem",
  "dynamodb:GetItem",
  "dynamodb:PutItem",
  "dynamodb:UpdateItem"
)

/** A claim leads to its request from the caller's correlation id. */
const correlations = on({ table: "correlation" }, "dynamodb:PutItem")

/** What is known of each upstream is shared with all processes that call it. */
const breaker = on({ table: "breaker" }, "dynamodb:GetItem", "dynamodb:PutItem")

/** Copying an export's results, and signing links to them, which are then followed with the function's own rights. */
const results = on({ bucket: "results", objects: "" }, "s3:GetObject", "s3:PutObject")

const conversations = on({ table: "conversations" }, "dynamodb:GetItem")

const stage = on({ table: "stage" }, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")

const lock = on({ table: "lock" }, "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem")

const largeHandoffs = on({ bucket: "handoff", objects: "handoff/" }, "s3:PutObject")

const identifiers = secrets("idMinterDatabase")

/** By function: what it may do. */
export const grants: Readonly<Record<FunctionName, ReadonlyArray<Grant>>> = {
  "mparticle-api-lambda": [settings, breaker, requests, correlations, sends("fallback"), results],
  "mparticle-api-http": [settings, breaker, requests, correlations, sends("fallback"), results],
  "mparticle-api-retry": [settings, breaker, requests, sends("fallback")],
  "mparticle-api-deletion": [parameters("braze-api-key", "events-api-key", "events-api-secret", "pod"), breaker],
  "mparticle-api-reconcile": [
    settings,
    breaker,
    requests,
    on({ table: "dsr", index: "PendingIndex" }, "dynamodb:Query"),
    sends("fallback"),
    results
  ],
  staging: [
    {
      actions: ["dynamodb:Query"],
      resources: [
        { table: "conversations", index: "company-email-recipient-email-index" },
        { table: "conversations", index: "company-sms-number-recipient-tel-index" },
        { table: "conversations", index: "company-whatsapp-number-recipient-tel-index" }
      ]
    },
    conversations,
    stage,
    lock,
    secrets("emailCredentials", "smsCredentials", "whatsappCredentials"),
    sends("email", "handoff", "parking", "sms", "whatsapp"),
    largeHandoffs
  ],
  "staging-sweeper": [
    conversations,
    stage,
    on({ table: "stage" }, "dynamodb:Scan"),
    lock,
    sends("email", "handoff", "sms", "whatsapp"),
    on({ queue: "parking" }, "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"),
    largeHandoffs
  ],
  "id-minter-stepfunction": [identifiers],
  "id-minter-sqs": [identifiers, sends("idMinterDownstream")],
  "id-minter-pool": [identifiers],
  "id-minter-migrate": [identifiers],
  "dex-trigger-response-archive": [
    secrets("dexApi", "dexDatabase"),
    on({ bucket: "dex", objects: "trigger/" }, "s3:GetObject", "s3:PutObject")
  ],
  "dex-archive-verify": [secrets("dexDatabase"), on({ bucket: "dex", objects: "trigger/" }, "s3:GetObject")]
}
