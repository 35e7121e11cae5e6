/**
 * The events that a function answers while its compile cache is made: a function's code is in the cache once it has run.
 * They are answered over {@link ./awsStub.ts}. The first is the one whose answer `bench/cold.ts` waits for.
 */

const unknownRequest = "3f1c1d8e-6a53-4b7e-9d0a-0f7a8c0f5c11"

const batchOf = (...bodies: ReadonlyArray<unknown>): object => ({
  Records: bodies.map((body, at) => ({
    messageId: `message-${at}`,
    body: typeof body === "string" ? body : JSON.stringify(body)
  }))
})

const requestTo = (method: string, path: string, headers: Readonly<Record<string, string>>, body?: string): object => ({
  httpMethod: method,
  path,
  headers,
  body: body ?? null,
  isBase64Encoded: false,
  requestContext: {
    domainName: "api.example.com",
    path: `/dev${path}`,
    stage: "dev",
    requestId: "request",
    identity: { sourceIp: "192.0.2.1" }
  }
})

const json = { "content-type": "application/json" }

/** A message of somebody with whom there is no conversation; unsigned, it is not looked for. */
const webhook = (headers: Readonly<Record<string, string>>): object =>
  requestTo(
    "POST",
    "/whatsapp",
    { "content-type": "application/x-www-form-urlencoded", ...headers },
    new URLSearchParams({
      MessageSid: `SM${"0".repeat(32)}`,
      AccountSid: `AC${"0".repeat(32)}`,
      From: "whatsapp:+447700900001",
      To: "whatsapp:+447700900002",
      Body: "Hello",
      NumMedia: "0"
    }).toString()
  )

const initiate = {
  action: "initiate",
  payload: { identityId: "none", email: "user@example.com", requestType: "delete", regulation: "GDPR" }
}

const retry = {
  type: "DSR_RETRY",
  schemaVersion: 1,
  payload: { requestId: unknownRequest },
  originalError: { code: "RATE_LIMITED" },
  correlationId: "none",
  firstFailedAt: "2026-01-01T00:00:00.000Z",
  attempt: 1
}

const work = "Work[sierra-system-number/b1161044x]"

/** The events by function. */
export const firstEvents: Readonly<Record<string, ReadonlyArray<unknown>>> = {
  "mparticle-api-lambda": [{ action: "status", payload: { mparticleRequestId: unknownRequest } }, initiate],
  "mparticle-api-http": [
    requestTo("GET", `/data-subject-requests/${unknownRequest}`, {}),
    requestTo(
      "POST",
      "/data-subject-requests",
      json,
      JSON.stringify({ email: "user@example.com", type: "gdpr_delete" })
    )
  ],
  "mparticle-api-retry": [batchOf(retry)],
  "mparticle-api-deletion": [batchOf("no JSON"), batchOf({ userId: "none", brazeId: "none" })],
  "mparticle-api-reconcile": [{}],
  staging: [webhook({}), webhook({ "x-twilio-signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA=" })],
  "staging-sweeper": [{}],
  "id-minter-stepfunction": [{ sourceIdentifiers: [] }, { sourceIdentifiers: [work], jobId: "job" }],
  "id-minter-sqs": [batchOf("no JSON"), batchOf({ Message: work })],
  "id-minter-pool": [{ warmup: true }, {}],
  "id-minter-migrate": [{ warmup: true }, {}],
  "dex-trigger-response-archive": [{ triggerDate: "2024-11-27" }],
  "dex-archive-verify": [{ triggerDate: "2024-11-27" }]
}
