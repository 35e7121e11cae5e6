/** DEX-50: what a run writes, in every case, searched for tokens, secrets, passwords, bodies and names. */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { TriggerDate } from "../../../src/schemas/DexArchive.ts"
import { ArchiveStoreError } from "../../../src/services/TriggerArchive.ts"
import * as Spans from "../../../src/services/Spans.ts"
import { clientsOf, fresh, sqlServer } from "../../support/dexSql.ts"
import {
  answer,
  apiSecret,
  hurried,
  row,
  secrets,
  settings,
  status,
  type Call,
  type World,
  type WorldOptions,
  verifyIn,
  worldAt
} from "../../support/dexWorld.ts"
import { written } from "../../support/logs.ts"

const name = "N4me-s3cret"
const clients = [row(1, name), row(2, name), row("../x", name)]

/** Everything that must not be seen: whatever a value of ours is, it has this in it. */
const hidden = /s3cret/i

/** Repeats everything that it was sent, and more. */
const echo =
  (code: number, headers: Readonly<Record<string, string>> = {}) =>
  (call: Call): Response =>
    new Response(JSON.stringify({ body: `b0dy-s3cret ${call.body} ${JSON.stringify(call.headers)}`, secrets }), {
      status: code,
      headers: { "x-echo": call.body, ...headers }
    })

/** Runs an effect, and fails where anything that it wrote, traced or failed with has a secret in it. */
const scanned = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const recording = yield* Spans.begin(
      "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
      1
    )
    const { exit, lines, text } = yield* written(recording.record(effect))
    assert.isAbove(lines.length, 1)
    assert.notMatch(text, hidden)
    const spans = recording.finished.map((span) => ({
      name: span.name,
      attributes: [...span.attributes],
      links: span.links,
      events: "events" in span ? span.events : []
    }))
    assert.notMatch(JSON.stringify(spans), hidden)
    // Of a defect Lambda is told no more than its name.
    if (exit._tag === "Failure") {
      const error = Option.getOrNull(Cause.failureOption(exit.cause))
      assert.notMatch(`${JSON.stringify(error)} ${String(error)}`, hidden)
    }
    return { exit, spans }
  })

type Arrange = (world: World) => void

const cases: Readonly<Record<string, Arrange>> = {
  "all is well": () => undefined,
  "the API echoes": (world) => void (world.trigger = echo(200)),
  ...Object.fromEntries(
    [400, 401, 403, 404, 500, 503].map((code) => [
      `the API echoes with ${code}`,
      (world: World) => void (world.trigger = echo(code))
    ])
  ),
  "the API sends a page": (world) =>
    void (world.trigger = () => new Response("<p>b0dy-s3cret</p>", { headers: { "content-type": "text/html" } })),
  "the API redirects": (world) =>
    void (world.trigger = echo(302, { location: `https://x.example.com/${secrets.token}` })),
  "the API is silent": (world) => void (world.trigger = () => "silence"),
  "the connection breaks": (world) => void (world.trigger = () => "reset"),
  "the API asks to wait": (world) => void (world.trigger = echo(429, { "retry-after": "3600" })),
  "the API answers nothing": (world) => void (world.trigger = status(204)),
  "the token endpoint echoes": (world) => void (world.token = echo(401)),
  "the token endpoint is out": (world) => void (world.token = echo(503)),
  "the token endpoint sends no token": (world) => void (world.token = echo(200)),
  "the token endpoint is silent": (world) => void (world.token = () => "silence"),
  "the bucket fails": (world) =>
    void (world.archive.keep = () => Effect.fail(new ArchiveStoreError({ reason: "AccessDenied" }))),
  "the bucket meets a defect": (world) =>
    void (world.archive.keep = (_, __, bytes) =>
      Effect.die(Object.assign(new TypeError("x is no function"), { bytes }))),
  "the run meets a defect": (world) =>
    void (world.clients.list = Effect.die(Object.assign(new TypeError("x is no function"), { client: name, secrets })))
}

const worlds: Readonly<Record<string, WorldOptions>> = {
  "": {},
  ", and that is an error": { settings: { failOnPartial: true } }
}

describe("DEX-50 no secret and no body in a line, a span, a metric or an error", () => {
  for (const [what, arrange] of Object.entries(cases)) {
    for (const [more, options] of Object.entries(worlds)) {
      it.effect(`DEX-50 when ${what}${more}`, () =>
        Effect.gen(function* () {
          const world = yield* worldAt({ clients, ...options })
          arrange(world)
          const { exit } = yield* hurried(scanned(answer(world)), 5_000)
          if (exit._tag === "Success") {
            // The answer names the clients, as the contract has it, and nothing more.
            assert.notMatch(exit.value.body.replaceAll(name, ""), hidden)
          }
        })
      )
    }
  }

  it.effect("DEX-50 when a secret is not of the form that it should have", () =>
    Effect.gen(function* () {
      for (const text of [
        secrets.clientSecret,
        JSON.stringify({ ...apiSecret, client_id: { id: secrets.clientSecret } }),
        JSON.stringify({ ...apiSecret, token_url: `ftp://${secrets.clientSecret}` }),
        JSON.stringify({ ...apiSecret, token_url: `https://user:${secrets.clientSecret}@login.example.com/` })
      ]) {
        const world = yield* worldAt({ clients, secretTexts: { [settings.apiSecret]: text } })
        world.token = status(401)
        assert.strictEqual((yield* scanned(answer(world))).exit._tag, "Failure")
      }
    })
  )

  it.effect("DEX-50 when the archive is verified", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients })
      yield* scanned(verifyIn(world, { triggerDate: TriggerDate.make("2024-11-27") }))
    })
  )

  it.effect("traces every call that leaves the process", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients })
      const { spans } = yield* scanned(answer(world))
      assert.sameMembers(
        spans.map((span) => span.name),
        ["SecretsManager.GetSecretValue", "DEX token POST", "DEX GET", "DEX GET"]
      )
    })
  )
})

layer(sqlServer)("DEX-50 with SQL Server", (it) => {
  it.effect("DEX-50 when the login is refused, the host unknown, the certificate not trusted, the query refused", () =>
    Effect.gen(function* () {
      const { rule } = yield* fresh
      for (const options of [
        { secret: { password: secrets.password } },
        { secret: { username: secrets.password } },
        { secret: { database: "Db-s3cret" } },
        { secret: { host: "host-s3cret.invalid" } },
        { secret: { password: { is: secrets.password } } },
        { settings: { trustServerCertificate: false } },
        {}
      ]) {
        const world = yield* worldAt({ clients })
        world.clients.list = yield* clientsOf(options)
        rule({ operation: "query" }, { error: 208 }, 9)
        assert.strictEqual((yield* hurried(scanned(answer(world)))).exit._tag, "Failure")
      }
    })
  )
})
