/** The token of a run (contract B1.6, B2.5, Decision 6). */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import {
  acme,
  answer,
  apiSecret,
  day,
  clientId,
  hurried,
  inTurn,
  row,
  run,
  sample,
  secrets,
  settings,
  status,
  tokenOf,
  type World,
  worldAt
} from "../../support/dexWorld.ts"

const many = (count: number) => Array.from({ length: count }, (_, at) => row(at + 1))

const grant =
  (more: object) =>
  (_: unknown, nth: number): Response =>
    Response.json({ access_token: tokenOf(nth), token_type: "Bearer", ...more })

/** The tokens with which the API was called, in order. */
const tokensUsed = ({ calls }: World) => calls.map(({ token }) => token)

describe("the token request", () => {
  it.effect("DEX-10 is a form of four fields, in a POST", () =>
    Effect.gen(function* () {
      const world = yield* worldAt()
      yield* run(world)
      assert.lengthOf(world.tokenCalls, 1)
      const [call = assert.fail("there is no call")] = world.tokenCalls
      assert.strictEqual(call.method, "POST")
      assert.strictEqual(call.url.href, apiSecret.token_url)
      assert.match(call.headers["content-type"] ?? "", /^application\/x-www-form-urlencoded/)
      assert.include(call.body, "scope=dex%2Ftrigger%3Aall")
      assert.deepStrictEqual(
        [...new URLSearchParams(call.body)],
        [
          ["grant_type", "client_credentials"],
          ["client_id", apiSecret.client_id],
          ["client_secret", apiSecret.client_secret],
          ["scope", "dex/trigger:all"]
        ]
      )
      assert.notProperty(call.headers, "authorization")
    })
  )

  it.effect("DEX-11 encodes whatever is in the credentials", () =>
    Effect.gen(function* () {
      const client_secret = "a&b=c+d%20é 🙂\n\"'"
      const world = yield* worldAt({
        secretTexts: { [settings.apiSecret]: JSON.stringify({ ...apiSecret, client_secret }) }
      })
      yield* run(world)
      const body = world.tokenCalls[0]?.body ?? ""
      assert.strictEqual(new URLSearchParams(body).get("client_secret"), client_secret)
      assert.match(body, /^[\w%+&=.*-]+$/)
    })
  )

  const refusals: Readonly<Record<string, readonly [reply: () => Response, reason: string, calls: number]>> = {
    "status 400": [status(400), "status 400", 1],
    "DEX-8 status 401": [status(401), "status 401", 1],
    "status 403": [status(403), "status 403", 1],
    "a redirect": [status(302, { location: "https://evil.example.com" }), "status 302", 1],
    "status 429": [status(429), "status 429", 3],
    "status 503": [status(503), "status 503", 3],
    "DEX-27 a page in HTML": [() => new Response("<p>no</p>"), "the answer has no access_token", 1],
    "no token in it": [() => Response.json({ token_type: "Bearer" }), "the answer has no access_token", 1],
    "an empty token": [() => Response.json({ access_token: "" }), "the answer has no access_token", 1],
    "a token that is no text": [() => Response.json({ access_token: 7 }), "the answer has no access_token", 1],
    "a token that would end its header": [
      () => Response.json({ access_token: "a\r\nx-evil: 1" }),
      "the answer has no access_token",
      1
    ],
    "a token of another type": [
      () => Response.json({ access_token: secrets.token, token_type: "mac" }),
      "no Bearer token",
      1
    ],
    nothing: [() => new Response(""), "the answer has no access_token", 1]
  }
  for (const [name, [reply, reason, calls]] of Object.entries(refusals)) {
    it.effect(`that is answered with ${name} ends the run: ${reason}`, () =>
      Effect.gen(function* () {
        const world = yield* worldAt()
        world.token = reply
        const error = yield* Effect.flip(hurried(answer(world)))
        assert.strictEqual(error.message, `No access token: ${reason}`)
        assert.lengthOf(world.tokenCalls, calls)
        assert.notInclude(world.steps, "clients")
        assert.notInclude(JSON.stringify([error, String(error)]), "s3cret")
      })
    )
  }

  it.effect("that is not answered is given up after ten seconds, and tried three times", () =>
    Effect.gen(function* () {
      for (const reply of ["silence", "reset"] as const) {
        const world = yield* worldAt()
        world.token = () => reply
        const error = yield* Effect.flip(hurried(answer(world)))
        assert.match(error.message, /^No access token: (?:no answer|.* 10000 ms.*)$/)
        assert.lengthOf(world.tokenCalls, 3)
      }
    })
  )

  it.effect("that may pass later is made again, after the time that the endpoint names", () =>
    Effect.gen(function* () {
      const world = yield* worldAt()
      world.token = (call, nth) => (nth === 1 ? status(503, { "retry-after": "7" })() : grant({})(call, nth))
      assert.strictEqual((yield* hurried(run(world))).failed_archives, 0)
      assert.isAtLeast((world.tokenCalls[1]?.at ?? 0) - (world.tokenCalls[0]?.at ?? 0), 7_000)
    })
  )

  it.effect("goes to an https address, or nowhere", () =>
    Effect.gen(function* () {
      for (const token_url of ["http://login.example.com/token", "ftp://login.example.com", "s3cret"]) {
        const text = JSON.stringify({ ...apiSecret, token_url })
        const world = yield* worldAt({ secretTexts: { [settings.apiSecret]: text } })
        const error = yield* Effect.flip(answer(world))
        assert.strictEqual(error.message, "No access token: token_url must be an https URL")
        assert.deepStrictEqual(world.steps, [])
      }
    })
  )

  it.effect("needs its secret", () =>
    Effect.gen(function* () {
      for (const [secretTexts, reason] of [
        [{}, "ResourceNotFoundException"],
        [{ [settings.apiSecret]: "{}" }, "token_url: is missing"],
        [{ [settings.apiSecret]: "s3cret" }, "expected valid JSON"]
      ] as const) {
        const world = yield* worldAt({ secretTexts })
        const error = yield* Effect.flip(answer(world))
        assert.strictEqual(error._tag, "DexSecretError")
        assert.include(error.message, `The secret of API_SECRET_NAME cannot be used: ${reason}`)
        assert.notInclude(error.message, "s3cret")
        assert.deepStrictEqual(world.steps, [])
      }
    })
  )
})

describe("the life of a token", () => {
  /** One call every minute, for half an hour. */
  const steadily = (world: World) =>
    Effect.gen(function* () {
      const session = yield* world.api.open
      for (let call = 0; call < 30; call += 1) {
        yield* session.fetch(clientId(call), day)
        yield* TestClock.adjust("1 minutes")
      }
    })

  const lives: Readonly<Record<string, readonly [grant: object, tokens: number]>> = {
    "an hour": [{ expires_in: 3_600 }, 1],
    "ten minutes: got anew a minute before its end": [{ expires_in: 600 }, 4],
    "ten minutes, as a text": [{ expires_in: "600" }, 4],
    "shorter than the margin: used for as long as it lives": [{ expires_in: 50 }, 30],
    "a life that nobody tells: five minutes are assumed": [{}, 8],
    "a life of null": [{ expires_in: null }, 8],
    "no life at all": [{ expires_in: 0 }, 8],
    "a negative life": [{ expires_in: -5 }, 8]
  }
  for (const [name, [more, tokens]] of Object.entries(lives)) {
    it.effect(`${name} (${tokens} in half an hour)`, () =>
      Effect.gen(function* () {
        const world = yield* worldAt()
        world.token = grant(more)
        yield* steadily(world)
        assert.lengthOf(world.tokenCalls, tokens)
        assert.lengthOf(new Set(tokensUsed(world)), tokens)
      })
    )
  }

  it.effect("its renewal is one, however many calls need it at once", () =>
    Effect.gen(function* () {
      const world = yield* worldAt()
      world.token = (call, nth) =>
        Effect.delay(
          Effect.sync(() => grant({ expires_in: 600 })(call, nth)),
          "3 seconds"
        )
      const opening = yield* Effect.fork(world.api.open)
      yield* TestClock.adjust("3 seconds")
      const session = yield* Fiber.join(opening)
      yield* TestClock.adjust("540 seconds")
      const calls = yield* Effect.fork(
        Effect.forEach(many(20), (_, at) => session.fetch(clientId(at), day), { concurrency: 20 })
      )
      yield* TestClock.adjust("2900 millis")
      assert.lengthOf(world.calls, 0)
      yield* TestClock.adjust("100 millis")
      yield* Fiber.join(calls)
      assert.lengthOf(world.tokenCalls, 2)
      assert.deepStrictEqual([...new Set(tokensUsed(world))], [tokenOf(2)])
    })
  )

  it.effect("a renewal that fails fails the calls that need it, and those alone", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: [acme], settings: { attempts: 3 } })
      world.token = inTurn(() => grant({ expires_in: 600 })({}, 1), status(401))
      const session = yield* world.api.open
      yield* TestClock.adjust("541 seconds")
      const error = yield* Effect.flip(session.fetch(clientId(1), day))
      assert.deepInclude({ ...error }, { kind: "failed", reason: "No access token: status 401" })
      assert.lengthOf(world.calls, 0)
      // The endpoint has said no: it is not asked again for the same call.
      assert.lengthOf(world.tokenCalls, 2)
    })
  )
})

describe("a token that is refused", () => {
  it.effect("DEX-37 is got anew once, and the call is made again", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ settings: { concurrency: 1 } })
      world.trigger = (call) => (call.clientId === "67890" && call.token === tokenOf(1) ? status(401)() : sample(call))
      assert.strictEqual((yield* run(world)).failed_archives, 0)
      assert.lengthOf(world.tokenCalls, 2)
      assert.deepStrictEqual(tokensUsed(world), [tokenOf(1), tokenOf(1), tokenOf(2)])
    })
  )

  it.effect("DEX-37 is got anew once for all calls that it is refused to at the same time", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: many(40), settings: { concurrency: 20 } })
      world.trigger = (call) =>
        Effect.delay(
          Effect.sync(() => (call.token === tokenOf(1) ? status(401)() : sample(call))),
          Number(call.clientId) * 37
        )
      assert.strictEqual((yield* hurried(run(world), 100)).failed_archives, 0)
      assert.lengthOf(world.tokenCalls, 2)
    })
  )

  it.effect("DEX-37 may be revoked again later in the same run", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: many(9), settings: { concurrency: 1 } })
      // Each is good for three calls.
      world.trigger = (call) =>
        Math.ceil(Number(call.clientId) / 3) > Number(call.token.split("-").at(-1)) ? status(401)() : sample(call)
      assert.strictEqual((yield* run(world)).failed_archives, 0)
      assert.lengthOf(world.tokenCalls, 3)
    })
  )

  it.effect("DEX-38 and so is the next one: the clients fail, and nobody asks for a third", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: many(50) })
      world.trigger = status(401)
      const summary = yield* hurried(run(world))
      assert.strictEqual(summary.failed_archives, 50)
      assert.strictEqual(summary.errors[0]?.error, "Failed to fetch trigger data from API")
      assert.lengthOf(world.tokenCalls, 2)
      // One call more for those that saw the first token refused.
      assert.isAtMost(world.calls.length, 50 + 8)
    })
  )

  it.effect("DEX-38 to one client alone: that one fails, and the others do not", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: many(5), settings: { concurrency: 1 } })
      world.trigger = (call) => (call.clientId === "2" ? status(401)() : sample(call))
      const summary = yield* run(world)
      assert.deepStrictEqual(
        summary.errors.map(({ client_id }) => client_id),
        [2]
      )
      assert.lengthOf(world.tokenCalls, 2)
      assert.lengthOf(world.calls, 6)
    })
  )

  it.effect("DEX-38 and there is no other: the client fails", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: [acme] })
      world.token = inTurn(() => grant({})({}, 1), status(400))
      world.trigger = status(401)
      const summary = yield* hurried(run(world))
      assert.strictEqual(summary.failed_archives, 1)
      assert.deepStrictEqual([world.calls.length, world.tokenCalls.length], [1, 2])
    })
  )
})
