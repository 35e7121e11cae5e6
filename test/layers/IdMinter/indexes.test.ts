/** The minter between the two simulated indexes, over a database in memory: what goes in, and what comes out. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { http, impatient, indexes, simulatedWorks } from "../../support/elasticsearch.ts"
import { minterWorld } from "../../support/minter.ts"
import { minted } from "../../support/minterRuns.ts"
import { identifier, modified, node, requestIdOf, workOf } from "../../support/minterWorks.ts"

/** A minter between the simulated indexes, into whose source works are put as JSON or as they are. */
const between = (works: Readonly<Record<string, unknown>>) =>
  Effect.gen(function* () {
    const elasticsearch = yield* simulatedWorks()
    for (const [value, document] of Object.entries(works)) yield* elasticsearch.put(requestIdOf(value), document)
    const world = minterWorld()
    Object.assign(world.works, elasticsearch.works)
    const ask = (...values: ReadonlyArray<string>) => minted(world, ...values.map(requestIdOf))
    return { ...elasticsearch, world, ask }
  })

it.layer(http)("between the indexes", (it) => {
  it.scoped("everything but ids and nulls stays to the letter", () =>
    Effect.gen(function* () {
      const odd = [
        '"ones":[1.0,-0,1e5,1E400,0.10,9007199254740993,123456789012345678901234567890]',
        '"exact0":{"exact1":"1.0"},"\\u0065xact2":2.50',
        '"__proto__":{"constructor":{"toString":[1.0]}},"valueOf":"1.0"',
        '"text":"\\ud83d\\udcda \\ud800 \\u2028 \\"1.0\\" \\\\ \\n"'
      ].join(",")
      const text = JSON.stringify(workOf("a")).replace('"version":3', `"version":3.0,${odd}`)
      const nulls = text.replace('"title"', '"none":null,"list":[null,{"a":null},[null,1.0]],"title"')
      const { ask, target } = yield* between({ a: nulls })
      assert.deepStrictEqual(yield* ask("a"), { a: "m0000001" })
      const written = target().get("m0000001")?.source ?? ""
      const expected = text
        .replace('"title"', '"list":[{},[1.0]],"title"')
        .replace(modified.time, `${modified.time}","canonicalId":"m0000001`)
      // Only how a text is escaped may differ.
      assert.strictEqual(
        written,
        expected.replace("\\u0065", "e").replace("\\ud83d\\udcda", "\u{1F4DA}").replace("\\u2028", "\u2028")
      )
    })
  )

  it.scoped("a work that is nested as deep as the index takes comes through", () =>
    Effect.gen(function* () {
      const deep = `${'{"a":'.repeat(996)}${JSON.stringify(node("i"))}${"}".repeat(996)}`
      const text = JSON.stringify(workOf("a", {}, { data: "deep" })).replace('"deep"', deep)
      const { ask, target } = yield* between({ a: text, b: workOf("b") })
      const { a, b } = yield* ask("a", "b")
      assert.sameMembers([...target().keys()], [a, b])
    })
  )

  it.scoped("IM-67 predecessor and successor come to one document, the newer of the two", () =>
    Effect.gen(function* () {
      const successor = { predecessorIdentifier: identifier("old"), modifiedTime: "2024-02-01T00:00:00.5Z" }
      const { ask, received, target } = yield* between({ old: workOf("old"), new: workOf("new", successor) })
      assert.deepStrictEqual(yield* ask("new", "old"), { new: "m0000001", old: "m0000001" })
      const documents = target()
      assert.deepStrictEqual([...documents.keys()], ["m0000001"])
      const { source, version } = documents.get("m0000001") ?? { source: "", version: 0 }
      assert.strictEqual(version, Date.UTC(2024, 1, 1) + 500)
      assert.include(source, '"value":"new"')
      assert.lengthOf(received(), 2)
    })
  )

  it.scoped("IM-59 a work that has not changed since is written again, and an older one changes nothing", () =>
    Effect.gen(function* () {
      const { ask, put, target } = yield* between({ a: workOf("a") })
      const versions: Array<readonly [unknown, number | undefined, boolean | undefined]> = []
      const run = Effect.gen(function* () {
        const { a = "" } = yield* ask("a")
        const document = target().get(a)
        versions.push([a, document?.version, document?.source.includes("changed")])
      })
      yield* run
      yield* put(requestIdOf("a"), workOf("a", {}, { changed: true }))
      yield* run
      yield* put(requestIdOf("a"), workOf("a", { sourceModifiedTime: "2023-01-01T00:00:00Z" }))
      yield* run
      assert.deepStrictEqual(versions, [
        ["m0000001", modified.version, false],
        ["m0000001", modified.version, true],
        ["m0000001", modified.version, true]
      ])
    })
  )

  it.scoped("IM-52 IM-58 works that are missing, broken, somebody else's or refused fail alone", () =>
    Effect.gen(function* () {
      const { ask, received, send, target } = yield* between({
        good: workOf("good"),
        alias: workOf("other"),
        broken: workOf("broken", { sourceModifiedTime: "never" }),
        refused: workOf("refused", {}, { version: { no: 1 } })
      })
      yield* send("PUT", `/${indexes.target}`, { mappings: { properties: { version: { type: "long" } } } })
      assert.deepStrictEqual(yield* ask("gone", "good", "alias", "broken", "refused"), {
        gone: "WorkNotFound",
        good: "m0000001",
        alias: "InvalidWork",
        broken: "InvalidWork",
        refused: "IndexItemRejected"
      })
      assert.deepStrictEqual([...target().keys()], ["m0000001"])
      assert.deepStrictEqual(
        received().map(({ path }) => path),
        ["/works-source/_mget", "/_bulk"]
      )
    })
  )

  it.scoped("IM-64 trouble that passes is not noticed, and after trouble that stays all is done by the next try", () =>
    Effect.gen(function* () {
      const { ask, sandbox, target } = yield* between({ a: workOf("a"), b: workOf("b") })
      const fault = (operation: string, fault: object, times: number) =>
        sandbox.faults.add({ match: { operation }, fault, times })
      const done = { a: "m0000001", b: "m0000002" }
      fault("bulk", { status: 503 }, 4)
      assert.deepStrictEqual(yield* ask("a", "b"), { a: "ElasticsearchTransient", b: "ElasticsearchTransient" })
      assert.strictEqual(target().size, 0)
      fault("mget", { status: 503 }, 2)
      assert.deepStrictEqual(yield* ask("a", "b"), done)
      fault("bulk", { commitThenReset: true }, 2)
      assert.deepStrictEqual(yield* ask("a", "b"), done)
      assert.sameMembers([...target().keys()], Object.values(done))
    }).pipe(impatient)
  )
})
