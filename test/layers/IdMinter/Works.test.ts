/** Reading works from the source index, and that both clusters are asked whether they answer. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { WorksShape } from "../../../src/services/Works.ts"
import {
  answering,
  http,
  impatient,
  indexes,
  json,
  simulatedWorks,
  status,
  worksOf
} from "../../support/elasticsearch.ts"
import { jumpingClock } from "../../support/jumpingClock.ts"
import { identifier, idOf, modified, requestIdOf, workOf } from "../../support/minterWorks.ts"

/** What is read for each identifier: the work's version, or why there is none. */
const fetched = ({ fetch }: WorksShape, ...requestIds: ReadonlyArray<string>) =>
  Effect.map(fetch(requestIds), (works) =>
    [...works].map(([requestId, work]) => [
      requestId,
      Either.match(work, { onLeft: (failure) => failure._tag, onRight: ({ version }) => version })
    ])
  )

/** One document of an answer to `_mget`. */
const found = (id: string, _source: unknown) => ({ _index: indexes.source, _id: id, _version: 1, found: true, _source })

const [a, b, c] = [requestIdOf("a"), requestIdOf("b"), requestIdOf("c")]

/** How fetching these fails when the cluster answers so. */
const failureOf = (answer: Response | ReadonlyArray<unknown>, ...requestIds: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const works = yield* worksOf(answering(answer instanceof Response ? answer : json({ docs: answer })))
    return yield* Effect.flip(fetched(works, ...requestIds))
  })

it.layer(http)("the source index", (it) => {
  it.scoped("IM-56 is asked for documents whose identifiers hold slashes, spaces and brackets, in the body alone", () =>
    Effect.gen(function* () {
      const { put, received, works } = yield* simulatedWorks()
      const values = ["a/b", "../_bulk", "a b?c=d", "%2F", "[x]/y\\z", "ü\u{1F4DA}", "a#b"]
      for (const value of values) yield* put(requestIdOf(value), workOf(value))
      const requestIds = values.map(requestIdOf)
      assert.deepStrictEqual(
        yield* fetched(works, ...requestIds),
        requestIds.map((requestId) => [requestId, modified.version])
      )
      const [call] = received()
      assert.deepInclude(call, {
        method: "POST",
        path: "/works-source/_mget",
        body: JSON.stringify({ ids: requestIds })
      })
      assert.notProperty(call, "query")
    })
  )

  it.scoped("is asked once for a whole batch, and answers each in order", () =>
    Effect.gen(function* () {
      const { put, received, works } = yield* simulatedWorks()
      const values = Array.from({ length: 100 }, (_, index) => `w${index}`)
      for (const value of values) if (value !== "w50") yield* put(requestIdOf(value), workOf(value))
      yield* put(requestIdOf("w7"), workOf("w8"))
      yield* put(requestIdOf("w9"), { state: 7 })
      const outcomes = new Map<string, string>([
        ["w50", "WorkNotFound"],
        ["w7", "InvalidWork"],
        ["w9", "InvalidWork"]
      ])
      assert.deepStrictEqual(
        yield* fetched(works, ...values.map(requestIdOf)),
        values.map((value) => [requestIdOf(value), outcomes.get(value) ?? modified.version])
      )
      assert.lengthOf(received(), 1)
    })
  )

  it.scoped("that does not exist is a mistake of the configuration, not a batch of works that there are not", () =>
    Effect.gen(function* () {
      const { received, works } = yield* simulatedWorks()
      const failure = yield* Effect.flip(fetched(works, a, b))
      assert.deepInclude(failure, { _tag: "ElasticsearchRejected", cluster: "source", status: 404 })
      assert.lengthOf(received(), 1)
    })
  )

  it.scoped("is asked again where its answer is lost or cut short, and is not where it refuses", () =>
    Effect.gen(function* () {
      const { put, received, sandbox, works } = yield* simulatedWorks()
      yield* put(a, workOf("a"))
      for (const fault of [
        { reset: true },
        { truncate: 40 },
        { status: 503 },
        { error: "es_rejected_execution_exception", status: 429 }
      ]) {
        sandbox.clear()
        sandbox.faults.add({ match: { operation: "mget" }, fault })
        assert.deepStrictEqual(yield* fetched(works, a), [[a, modified.version]])
        assert.lengthOf(received(), 2)
      }
      sandbox.clear()
      sandbox.faults.add({ match: { operation: "mget" }, fault: { error: "security_exception", status: 403 } })
      assert.deepInclude(yield* Effect.flip(fetched(works, a)), { _tag: "ElasticsearchRejected", status: 403 })
      assert.lengthOf(received(), 1)
    }).pipe(impatient)
  )
})

describe("an answer of the source index", () => {
  it.effect("with fewer documents than were asked for, or others, is none", () =>
    Effect.gen(function* () {
      const documents = [found(a, workOf("a")), found(b, workOf("b"))]
      for (const [docs, ids] of [
        [documents, [a, b, c]],
        [[], [a]],
        [documents, [b, a]],
        [[found("other", workOf("a"))], [a]]
      ] as const) {
        const failure = yield* failureOf(docs, ...ids)
        assert.deepInclude(failure, { _tag: "ElasticsearchTransient", cluster: "source", status: 200 })
      }
    })
  )

  it.effect("that says of one document that it could not be read is trouble for all of them", () =>
    Effect.gen(function* () {
      const trouble = (type: string) => ({ _index: indexes.source, _id: b, error: { type, reason: "secret" } })
      const missing = yield* failureOf([found(a, workOf("a")), trouble("index_not_found_exception")], a, b)
      assert.deepInclude(missing, { _tag: "ElasticsearchRejected", cluster: "source", status: 404 })
      for (const type of ["no_shard_available_action_exception", "illegal_state_exception"]) {
        const failure = yield* failureOf([found(a, workOf("a")), trouble(type)], a, b)
        assert.deepInclude(failure, { _tag: "ElasticsearchTransient", status: 200 })
        assert.notInclude(JSON.stringify(failure), "secret")
      }
    })
  )

  it.effect("that is none of Elasticsearch's is transient, and says nothing of what it was", () =>
    Effect.gen(function* () {
      for (const text of [
        "<html>secret</html>",
        "",
        "[]",
        '"secret"',
        '{"docs":{}}',
        '{"docs":["secret"]}',
        '{"docs":[{"_id":1}]}'
      ]) {
        const failure = yield* failureOf(new Response(text), a)
        assert.deepInclude(failure, { _tag: "ElasticsearchTransient", cluster: "source", status: 200 })
        assert.notInclude(`${JSON.stringify(failure)}${String(failure)}`, "secret")
      }
    })
  )

  it.effect("IM-86 with one document that cannot be minted leaves the others alone", () =>
    Effect.gen(function* () {
      const nested = `${'{"a":['.repeat(10_000)}1${"]}".repeat(10_000)}`
      const deep = JSON.stringify(found(b, { ...workOf("b"), data: "nested" })).replace('"nested"', nested)
      const none = { _index: indexes.source, _id: c, found: true }
      const text = `{"docs":[${JSON.stringify(found(a, workOf("a")))},${deep},${JSON.stringify(none)},
        ${JSON.stringify({ _index: indexes.source, _id: "gone", found: false })},{"_id":"e"},
        ${JSON.stringify(found("Person[lc-names/n1]", workOf("n1", { sourceIdentifier: identifier("n1", "Person", "lc-names") })))}]}`
      const works = yield* worksOf(answering(new Response(text)))
      assert.deepStrictEqual(yield* fetched(works, a, b, c, "gone", "e", "Person[lc-names/n1]"), [
        [a, modified.version],
        [b, "InvalidWork"],
        [c, "InvalidWork"],
        ["gone", "WorkNotFound"],
        ["e", "WorkNotFound"],
        ["Person[lc-names/n1]", modified.version]
      ])
    })
  )

  it.effect("is not waited for where no document can be: half a character is in no identifier", () =>
    Effect.gen(function* () {
      const fake = answering(json({ docs: [found(a, workOf("a"))] }))
      const works = yield* worksOf(fake)
      assert.deepStrictEqual(yield* fetched(works, "\ud800", a, "x\udc00"), [
        ["\ud800", "WorkNotFound"],
        [a, modified.version],
        ["x\udc00", "WorkNotFound"]
      ])
      assert.deepStrictEqual(yield* fetched(works, "\ud800"), [["\ud800", "WorkNotFound"]])
      assert.deepStrictEqual(
        fake.sent.map(({ body }) => body),
        [JSON.stringify({ ids: [a] })]
      )
    })
  )
})

describe("both clusters", () => {
  it.effect("answer a ping, or the check fails", () =>
    Effect.gen(function* () {
      const fake = answering(new Response(null))
      yield* Effect.flatMap(worksOf(fake), ({ ping }) => ping)
      assert.deepStrictEqual(
        fake.sent.map(({ method, url }) => [method, url]),
        [
          ["HEAD", "https://elastic.example.com/"],
          ["HEAD", "https://elastic.example.com/"]
        ]
      )
      const refusing = yield* worksOf(answering(status(401)))
      assert.deepInclude(yield* Effect.flip(refusing.ping), { _tag: "ElasticsearchRejected", status: 401 })
      const down = yield* worksOf(answering(status(503)))
      const failure = yield* Effect.withClock(Effect.flip(down.ping), jumpingClock(0))
      assert.deepInclude(failure, { _tag: "ElasticsearchTransient", status: 503 })
    })
  )

  it.effect("have a circuit breaker each", () =>
    Effect.gen(function* () {
      const fake = answering(({ url }) =>
        url.endsWith("_mget") ? status(503) : json({ items: [{ index: { status: 201 } }] })
      )
      const works = yield* worksOf(fake)
      assert.deepInclude(yield* Effect.flip(works.fetch([a])), { _tag: "ElasticsearchTransient" })
      assert.deepInclude(yield* Effect.flip(works.fetch([a])), {
        _tag: "CircuitOpen",
        upstream: "elasticsearch-source"
      })
      assert.lengthOf(fake.sent, 5)
      yield* works.index([{ requestId: a, canonicalId: idOf(1), version: 1, json: "{}" }], () => undefined)
      assert.lengthOf(fake.sent, 6)
    }).pipe((effect) => Effect.withClock(effect, jumpingClock(0)))
  )
})
