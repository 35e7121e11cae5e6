/** O-07 over HTTP: whatever mParticle repeats and whatever breaks, no line and no error shows who it is about. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as AlertsLayer from "../../../src/layers/Observability/Alerts.ts"
import { during, upstream } from "../../support/baton.ts"
import { type Answer, ask, inTime, inWorld, statusOf, submissionPath, submit } from "../../support/http.ts"
import { written } from "../../support/logs.ts"
import { MemoryStore } from "../../support/memoryStore.ts"
import { accepted, type Call, failing, inTurn, type Reply, type UpstreamShape } from "../../support/mparticle.ts"

const address = "a.person+tag@example.com"
const spellings = [address, encodeURIComponent(address), "a.person", "A.PERSON"]

/** mParticle repeating everything that it was sent. */
const echoing =
  (status: number, headers: Readonly<Record<string, string>> = {}) =>
  (call: Call): Reply =>
    Response.json(
      {
        code: status,
        message: `no ${address} ${encodeURIComponent(address)} ${address.toUpperCase()}`,
        errors: [{ message: JSON.stringify(call) }],
        encoded_request: "bm90IHRvIGJlIGtlcHQ="
      },
      { status, headers }
    )

const upstreams: Readonly<Record<string, (fake: UpstreamShape) => void>> = {
  "takes it": () => undefined,
  "refuses it": (fake) => void (fake.reply = echoing(400)),
  "refuses the credentials": (fake) => void (fake.reply = echoing(401)),
  "finds a conflict": (fake) => void (fake.reply = echoing(409)),
  "asks to wait": (fake) => void (fake.reply = echoing(429, { "retry-after": "3600" })),
  "is out, and the queue too": (fake) => void Object.assign(fake, { reply: echoing(503), queueTakes: false }),
  "refuses the exclusion": (fake) => void (fake.event = echoing(400)),
  "has it, and does not say more": (fake) => {
    fake.reply = inTurn(() => "reset", accepted)
    fake.lookup = echoing(400)
  },
  "answers what is no answer": (fake) =>
    void (fake.reply = () =>
      new Response(`<p>${address}</p>`, { status: 201, headers: { "content-type": "text/html" } }))
}

/** Runs a call with the function's own logger, and searches everything that came of it. */
const scanned = <E, R>(call: Effect.Effect<Answer, E, R>) =>
  Effect.gen(function* () {
    const { exit, text } = yield* written(call.pipe(inTime, during("15 seconds")))
    const answer = yield* Effect.orDie(exit)
    const { email, ...shown } = answer.body
    assert.include([undefined, address], email)
    for (const hidden of [...spellings, "bm90IHRvIGJlIGtlcHQ=", "hmac-sha256", "s3cret"]) {
      assert.notInclude(text, hidden)
      assert.notInclude(JSON.stringify([shown, answer.headers]), hidden)
    }
    return answer
  })

const world = inWorld({ alerts: AlertsLayer.layer })

describe("O-07 no personal data in a line or an error over HTTP", () => {
  for (const [name, arrange] of Object.entries(upstreams)) {
    it.effect(`O-07 when mParticle ${name}`, () =>
      Effect.gen(function* () {
        const fake = yield* upstream
        arrange(fake)
        const first = yield* scanned(submit({ email: address }, { "x-correlation-id": "call-1" }))
        yield* scanned(submit({ email: address }, { "x-correlation-id": "call-1" }))
        assert.notInclude(JSON.stringify(fake.queued), "a.person")
        yield* TestClock.adjust("1 hours")
        fake.lookup = echoing(400)
        yield* scanned(statusOf(first.body["id"] ?? "none"))
      }).pipe(world)
    )
  }

  it.effect("O-07 when the request is not valid, wherever in it the address is", () =>
    Effect.forEach(
      [
        { email: `${address}@` },
        { email: [address] },
        { email: { [address]: address } },
        { type: address },
        { regulation: address },
        { [address]: address, email: undefined }
      ],
      (overrides) => scanned(submit({ email: address, ...overrides }))
    ).pipe(world)
  )

  it.effect("O-07 when the address is in the path, or is the body", () =>
    Effect.gen(function* () {
      yield* scanned(ask("GET", `${submissionPath}/${address}`))
      yield* scanned(ask("GET", `/${address}`))
      yield* scanned(ask("POST", submissionPath, { text: address }))
      yield* scanned(ask("POST", submissionPath, { text: JSON.stringify(address) }))
    }).pipe(world)
  )

  it.effect.each(["claim", "transition", "release", "get"] as const)("O-07 when the store fails at the %s", (broken) =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const memory = yield* MemoryStore
      fake.reply = inTurn(failing(503), echoing(400))
      memory.fails = (operation) => operation === broken
      const { body } = yield* scanned(submit({ email: address }))
      yield* scanned(statusOf(body["id"] ?? "none"))
    }).pipe(world)
  )
})
