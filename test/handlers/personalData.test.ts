import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { type Answer, handle } from "../../src/handlers/Baton.ts"
import * as MParticleRetry from "../../src/handlers/MParticleRetry.ts"
import * as AlertsLayer from "../../src/layers/Observability/Alerts.ts"
import { ValidationError } from "../../src/schemas/MParticleError.ts"
import { IdentityResolver } from "../../src/services/IdentityResolver.ts"
import * as Uuid from "../../src/services/Uuid.ts"
import { during, inMemory, upstream } from "../support/baton.ts"
import { intercepted, layer as dynamo } from "../support/dynamo.ts"
import { written } from "../support/logs.ts"
import { MemoryStore } from "../support/memoryStore.ts"
import {
  accepted,
  baton,
  type Call,
  failing,
  inTurn,
  known,
  type Reply,
  type WorldOptions
} from "../support/mparticle.ts"

/** What nobody may read in a line or an answer, whatever was sent and whatever came back. */
interface Secrets {
  readonly identity: string
  readonly email: string
  readonly correlation: string
}

const plain = Effect.map(Uuid.v4, (unique): Secrets => ({
  identity: `identity-${unique}`,
  email: `person.${unique}@example.com`,
  correlation: `workflow-${unique}`
}))

/** Identities and correlation ids that are themselves what has to be hidden. */
const hostile: ReadonlyArray<Secrets> = [
  { identity: "who@example.com", email: "who@example.com", correlation: "who@example.com" },
  { identity: "+447700900123", email: "a+b@example.co.uk", correlation: "+447700900123" },
  { identity: "whatsapp:+447700900124", email: "x@y.example", correlation: "call +447700900124 or mail x@y.example" },
  { identity: "O'Brien <who@example.com>", email: "o'brien@example.com", correlation: "o'brien@example.com" },
  { identity: "$1 .* (person)", email: "first.last@example.com", correlation: "first.last@example.com" },
  { identity: "Zoë Müller", email: "zoe@example.com", correlation: "Basic d2hvOnNlY3JldA==" }
]

/** Telephone numbers, credentials, and what mParticle gives that must not be kept. */
const always = [
  "s3cret",
  "rotated",
  "447700900123",
  "447700900124",
  Buffer.from("key:s3cret").toString("base64"),
  Buffer.from("events-key:events-s3cret").toString("base64"),
  "bm90IHRvIGJlIGtlcHQ=",
  "encoded_request"
]

const spellings = (value: string): ReadonlyArray<string> => [
  value,
  encodeURIComponent(value),
  JSON.stringify(value).slice(1, -1)
]

const assertHidden = (what: string, text: string, hidden: ReadonlyArray<string>): void => {
  for (const value of hidden.flatMap(spellings)) {
    assert.isFalse(text.toLowerCase().includes(value.toLowerCase()), `${what} shows ${value}: ${text}`)
  }
}

/** Runs a call with the real logger and looks through everything that it wrote and answered. */
const scanned = <E, R>(secrets: Secrets, call: Effect.Effect<Answer, E, R>) =>
  Effect.gen(function* () {
    const { exit, text } = yield* written(call)
    assert.isTrue(Exit.isSuccess(exit), String(exit))
    const answer = yield* Effect.orDie(exit)
    // A correlation id that is no address, number or credential is what the lines are found by.
    const opaque = secrets.correlation.startsWith("workflow-")
    const hidden = [secrets.identity, secrets.email, ...always]
    assertHidden("a line", text, hidden)
    if (!opaque) assert.notInclude(text, secrets.correlation)
    const { correlationId: echoed, ...rest } = { correlationId: "", ...answer }
    assertHidden("an answer", JSON.stringify(rest), hidden)
    if (!opaque) assert.notInclude(JSON.stringify(rest), secrets.correlation)
    assert.isTrue(echoed === "" || echoed === secrets.correlation || /^[0-9a-f-]{36}$/.test(echoed), echoed)
    return answer
  })

const envelope = ({ correlation, email, identity }: Secrets, overrides: object = {}) => ({
  action: "initiate",
  payload: {
    identityId: identity,
    email,
    requestType: "delete",
    regulation: "GDPR",
    correlationId: correlation,
    ...overrides
  }
})

const flat = ({ email, identity }: Secrets, overrides: object = {}) => ({
  requestType: "RER",
  action: "initiate",
  dataProvider: "mparticlerer",
  subjectId: identity,
  subjectEmail: email,
  ...overrides
})

/** mParticle repeating everything that it was sent, and more. */
const echoing =
  (status: number, secrets: Secrets, headers: Readonly<Record<string, string>> = {}) =>
  (call: Call): Reply =>
    Response.json(
      {
        code: status,
        message: `no: ${secrets.identity} ${secrets.identity.toUpperCase()} ${encodeURIComponent(secrets.identity)} ${secrets.email}`,
        errors: [
          { message: `${JSON.stringify(call.headers)} ${secrets.email.toUpperCase()}` },
          { message: secrets.correlation }
        ],
        encoded_request: "bm90IHRvIGJlIGtlcHQ="
      },
      { status, headers }
    )

type Arrange = (fake: Effect.Effect.Success<typeof upstream>, secrets: Secrets) => void

/** Everything that mParticle may do to a request. */
const upstreams: Readonly<Record<string, Arrange>> = {
  "it is accepted": () => undefined,
  "the exclusion fails": (fake, secrets) => void (fake.event = echoing(400, secrets)),
  "it is refused": (fake, secrets) => void (fake.reply = echoing(400, secrets)),
  "it conflicts": (fake, secrets) => void (fake.reply = echoing(409, secrets)),
  "credentials are refused": (fake, secrets) => void (fake.reply = echoing(401, secrets)),
  "mParticle is out": (fake, secrets) => void (fake.reply = echoing(503, secrets)),
  "mParticle asks to wait": (fake, secrets) => void (fake.reply = echoing(429, secrets, { "retry-after": "3600" })),
  "the answer is none": (fake, { email }) => void (fake.reply = () => new Response(`<p>${email}</p>`, { status: 201 })),
  "the connection breaks": (fake) => void (fake.reply = () => "reset"),
  "mParticle is silent": (fake) => void Object.assign(fake, { reply: () => "silence", event: () => "silence" }),
  "it is there already, and cannot be looked up": (fake, secrets) => {
    fake.reply = () => Response.json({ message: "Subject request already exists" }, { status: 400 })
    fake.lookup = echoing(403, secrets)
  },
  "its answer is lost, and it cannot be looked up": (fake, secrets) => {
    fake.reply = inTurn(() => "reset", accepted)
    fake.lookup = echoing(400, secrets)
  },
  "the queue is out too": (fake, secrets) =>
    void Object.assign(fake, { reply: echoing(503, secrets), queueTakes: false })
}

const world: WorldOptions = { alerts: AlertsLayer.layer, rotated: { "mparticle-api-secret": "rotated" } }

describe("O-07 no personal data in a line or an answer", () => {
  for (const [name, arrange] of Object.entries(upstreams)) {
    it.effect(`O-07 when ${name}`, () =>
      Effect.gen(function* () {
        for (const secrets of [yield* plain, ...hostile]) {
          for (const event of [envelope(secrets), flat(secrets)]) {
            yield* Effect.gen(function* () {
              const fake = yield* upstream
              arrange(fake, secrets)
              const answer = yield* scanned(secrets, during("25 seconds")(handle(event)))
              assertHidden("the queue", JSON.stringify(fake.queued.map(({ correlationId: _, ...rest }) => rest)), [
                secrets.email,
                secrets.identity
              ])
              // And again, and how it stands.
              yield* scanned(secrets, during("25 seconds")(handle(event)))
              const id = "mparticleRequestId" in answer ? answer.mparticleRequestId : "unknown"
              yield* TestClock.adjust("1 hours")
              fake.lookup = echoing(400, secrets)
              const correlationId = secrets.correlation
              const question = { action: "status", payload: { mparticleRequestId: id, correlationId } }
              yield* scanned(secrets, during("25 seconds")(handle(question)))
            }).pipe(inMemory(world))
          }
        }
      })
    )
  }

  it.effect("O-07 when an event is not valid, wherever in it the values are", () =>
    Effect.gen(function* () {
      yield* upstream
      for (const secrets of [yield* plain, ...hostile]) {
        const { correlation, email, identity } = secrets
        const unfit: ReadonlyArray<unknown> = [
          envelope(secrets, { requestType: email }),
          envelope(secrets, { regulation: identity }),
          envelope(secrets, { email: `${email} ${identity}` }),
          envelope(secrets, { identityId: { [email]: identity } }),
          envelope(secrets, { identityId: [identity, email] }),
          flat(secrets, { dataProvider: email }),
          flat(secrets, { requestType: identity }),
          flat(secrets, { subjectEmail: `${email}@` }),
          { action: email, payload: { correlationId: correlation } },
          { action: "status", payload: { mparticleRequestId: `${email}/${identity}`, correlationId: correlation } },
          { action: "status", requestType: "RER", dataProvider: "mparticlerer", initiationReference: email },
          { [email]: identity, action: "initiate", payload: { [email]: identity } }
        ]
        for (const event of unfit) yield* scanned(secrets, handle(event))
      }
    }).pipe(inMemory(world))
  )

  const mismatch = Layer.succeed(IdentityResolver, {
    resolve: () => Effect.fail(new ValidationError({ issues: [], reason: "IDENTITY_MISMATCH" }))
  })

  it.effect("O-07 when the integration refuses: switched off, somebody else's address, a setting missing", () =>
    Effect.gen(function* () {
      for (const secrets of [yield* plain, ...hostile]) {
        for (const options of [
          { settings: { batonEnabled: false } },
          { identities: mismatch },
          { parameters: { "mparticle-api-key": "" } },
          { parameters: { "events-api-key": "", "fallback-queue-url": "" } }
        ]) {
          const run = Effect.zipRight(upstream, scanned(secrets, handle(envelope(secrets))))
          yield* run.pipe(inMemory({ ...world, ...options }))
        }
      }
    })
  )

  it.effect("O-07 when the store fails at any step", () =>
    Effect.gen(function* () {
      for (const secrets of [yield* plain, ...hostile]) {
        for (const broken of ["claim", "transition", "acquire", "get", "release", "markSynced"] as const) {
          yield* Effect.gen(function* () {
            const fake = yield* upstream
            const memory = yield* MemoryStore
            fake.reply = inTurn(failing(503), echoing(400, secrets))
            memory.fails = (operation) => operation === broken
            yield* scanned(secrets, during("25 seconds")(handle(envelope(secrets))))
            yield* scanned(secrets, during("25 seconds")(handle(envelope(secrets))))
          }).pipe(inMemory(world))
        }
      }
    })
  )

  it.effect("O-07 when the queue is drained", () =>
    Effect.gen(function* () {
      for (const secrets of [yield* plain, ...hostile]) {
        for (const status of [201, 400, 401, 429, 503]) {
          yield* Effect.gen(function* () {
            const fake = yield* upstream
            fake.reply = echoing(429, secrets, { "retry-after": "30" })
            yield* during("25 seconds")(handle(envelope(secrets)))
            yield* TestClock.adjust("1 hours")
            fake.reply = status === 201 ? accepted : echoing(status, secrets)
            fake.event = echoing(500, secrets)
            fake.lookup = status === 503 ? echoing(503, secrets) : failing(404)
            const Records = [...fake.queued.map((message) => JSON.stringify(message)), JSON.stringify(secrets), "{"]
            const { lines, text } = yield* written(
              MParticleRetry.handle(
                {
                  Records: Records.map((body, index) => ({
                    messageId: `m-${index}`,
                    body,
                    messageAttributes: { correlationId: { stringValue: secrets.correlation } }
                  }))
                },
                { requestId: "r-1", answerAtDeadline: () => undefined }
              )
            )
            assert.isAbove(lines.length, 2)
            assertHidden("a line", text, [secrets.identity, secrets.email, ...always])
          }).pipe(inMemory(world))
        }
      }
    })
  )
})

layer(Layer.provideMerge(baton(world), dynamo))("O-07 with DynamoDB", (it) => {
  it.scoped("O-07 when its errors hold the values that were written", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.lookup = known("pending")
      for (const secrets of [yield* plain, ...hostile]) {
        yield* scanned(secrets, handle(envelope(secrets)))
        yield* scanned(secrets, handle(envelope(secrets, { email: "another@example.com" })))
      }
      const secrets = yield* plain
      yield* intercepted("TransactWriteItemsCommand", (input) =>
        Promise.reject(
          Object.assign(new Error(JSON.stringify(input)), {
            name: "ValidationException",
            item: input,
            $metadata: { httpStatusCode: 400 }
          })
        )
      )
      yield* scanned(secrets, handle(envelope(secrets)))
    })
  )
})
