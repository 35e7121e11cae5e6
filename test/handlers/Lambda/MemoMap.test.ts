/** The functions' own way of building layers comes to what Effect's comes to. */
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as MemoMap from "../../../src/handlers/Lambda/MemoMap.ts"

class One extends Context.Tag("test/One")<One, string>() {}
class Two extends Context.Tag("test/Two")<Two, string>() {}
class Three extends Context.Tag("test/Three")<Three, string>() {}
class Four extends Context.Tag("test/Four")<Four, string>() {}

/** A layer that writes down when it is built and released. */
const noted = <I>(tag: Context.Tag<I, string>, log: Array<string>, value: string) =>
  Layer.scoped(
    tag,
    Effect.acquireRelease(
      Effect.sync(() => {
        log.push(`+${value}`)
        return value
      }),
      () => Effect.sync(() => log.push(`-${value}`))
    )
  )

/** Every form of composition, with one layer in it that several need. */
const everything = (log: Array<string>) => {
  const one = noted(One, log, "one")
  const two = Layer.effect(
    Two,
    Effect.map(One, (value) => `two over ${value}`)
  ).pipe(Layer.provide(one))
  const three = Layer.unwrapEffect(
    Effect.map(Config.string("NAME"), (name) => Layer.merge(noted(Three, log, name), Layer.empty))
  ).pipe(Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["NAME", "three"]])))))
  const four = Layer.fail("no" as const).pipe(
    Layer.orElse(() => Layer.fresh(Layer.succeed(Four, "four"))),
    Layer.tap(() => Effect.sync(() => log.push("tap")))
  )
  return Layer.mergeAll(
    two,
    three,
    four,
    Layer.suspend(() => one)
  ).pipe(Layer.provideMerge(one))
}

const services = Effect.all([One, Two, Three, Four])

const run = async (memoMap: Layer.MemoMap | undefined) => {
  const log: Array<string> = []
  const runtime = ManagedRuntime.make(everything(log), memoMap)
  const values = await runtime.runPromise(services)
  const again = await runtime.runPromise(services)
  const built = [...log]
  await runtime.dispose()
  return { values, again, built: built.toSorted(), released: log.slice(built.length).toSorted() }
}

describe("MemoMap", () => {
  it("gives the services that Effect's own gives, each built and released once", async () => {
    const ours = await run(MemoMap.make())
    assert.deepStrictEqual(ours, await run(undefined))
    assert.deepStrictEqual(ours.values, ["one", "two over one", "three", "four"])
    assert.deepStrictEqual(ours.built, ["+one", "+three", "tap"])
    assert.deepStrictEqual(ours.released, ["-one", "-three"])
  })

  it("releases what was built last first", async () => {
    const log: Array<string> = []
    const layer = noted(Two, log, "two").pipe(Layer.provideMerge(noted(One, log, "one")))
    const runtime = ManagedRuntime.make(layer, MemoMap.make())
    await runtime.runPromise(Two)
    await runtime.dispose()
    assert.deepStrictEqual(log, ["+one", "+two", "-two", "-one"])
  })

  it("sets what a layer sets for all that run", async () => {
    const layer = Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["NAME", "set"]])))
    const runtime = ManagedRuntime.make(Layer.provideMerge(Layer.succeed(One, "one"), layer), MemoMap.make())
    assert.strictEqual(await runtime.runPromise(Config.string("NAME")), "set")
    await runtime.dispose()
  })

  it("fails with a layer, and releases what had been built", async () => {
    const log: Array<string> = []
    const layer = Layer.effect(Two, Effect.fail("broken")).pipe(Layer.provide(noted(One, log, "one")))
    const runtime = ManagedRuntime.make(layer, MemoMap.make())
    assert.deepStrictEqual(await runtime.runPromiseExit(Two), Exit.fail("broken"))
    await runtime.dispose()
    assert.deepStrictEqual(log, ["+one", "-one"])
  })
})
