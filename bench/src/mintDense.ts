/** One batch of dense works through the whole minter, in a process of its own, whose time and memory are told. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Http from "../../src/layers/Http.ts"
import * as IdMinterLayer from "../../src/layers/IdMinter.ts"
import { IdMinterDatabases } from "../../src/layers/IdMinter/Databases.ts"
import * as IdentifiersLayer from "../../src/layers/IdMinter/Identifiers.ts"
import * as WorksLayer from "../../src/layers/IdMinter/Works.ts"
import * as CircuitBreaker from "../../src/layers/Resilience/CircuitBreaker.ts"
import * as Sql from "../../src/layers/Sql.ts"
import type { Address } from "../../src/layers/Sql/Connecting.ts"
import { Identifiers } from "../../src/services/Identifiers.ts"
import { CircuitBreakers } from "../../src/services/Resilience/CircuitBreaker.ts"
import { Works } from "../../src/services/Works.ts"

/** What the process is to do. */
export interface MintDenseOrder {
  readonly address: Address
  readonly user: string
  readonly password: string
  readonly elasticsearch: string
  readonly requestIds: ReadonlyArray<string>
}

/** What it took. */
export interface MintDenseReport {
  readonly works: number
  readonly indexed: number
  readonly millis: number
  readonly idleRssMb: number
  readonly maxRssMb: number
}

/** As many keys as a dense work of an archive carries (contract 3.2). */
export const keysPerWork = 105

const worksPerBatch = 100

const source = (type: string, system: string, value: string) => ({
  sourceIdentifier: { identifierType: { id: system }, ontologyType: type, value }
})

/** Works that nobody has minted, with the keys, texts and nesting of an archive's. */
export const denseWorks = (run: number): ReadonlyArray<{ readonly _id: string; readonly _source: object }> =>
  Array.from({ length: worksPerBatch }, (_, number) => {
    const value = `${run}-${number}`
    return {
      _id: `Work[calm-record-id/${value}]`,
      _source: {
        version: 1,
        type: "Visible",
        data: {
          title: `The papers of somebody, box ${value}`,
          notes: Array.from({ length: 20 }, (_, note) => ({
            noteType: { id: "general-note" },
            contents: `Note ${note}. `.repeat(20)
          })),
          items: Array.from({ length: keysPerWork - 1 }, (_, item) => ({
            id: { ...source("Item", "calm-record-id", `${value}-${item}`), otherIdentifiers: [], type: "Identifiable" },
            locations: [{ locationType: { id: "closed-stores" }, label: "locationLabel", accessConditions: [] }]
          }))
        },
        state: { ...source("Work", "calm-record-id", value), sourceModifiedTime: "2026-01-01T00:00:00Z", relations: {} }
      }
    }
  })

const rssMb = (): number => Math.round(process.resourceUsage().maxRSS / 1024)

const run = ({ address, elasticsearch, password, requestIds, user }: MintDenseOrder): Promise<MintDenseReport> => {
  const cluster = { baseUrl: elasticsearch, apiKey: Option.none(), user: Option.none() }
  const program = Effect.gen(function* () {
    const breakers = yield* CircuitBreakers
    const primary = yield* Sql.make({
      address,
      login: { current: Effect.succeed({ username: user, password: Redacted.make(password) }) },
      breaker: yield* breakers.get("bench")
    })
    const identifiers = yield* IdentifiersLayer.make("top-up").pipe(
      Effect.provideService(IdMinterDatabases, { primary, replica: Option.none() })
    )
    const works = yield* WorksLayer.make({
      source: { ...cluster, index: "works-source" },
      target: { ...cluster, index: "works-identified" }
    })
    const minter = yield* IdMinterLayer.make.pipe(
      Effect.provide(Layer.mergeAll(Layer.succeed(Identifiers, identifiers), Layer.succeed(Works, works)))
    )
    yield* minter.warmUp
    const idleRssMb = rssMb()
    const began = performance.now()
    const outcomes = yield* minter.process(requestIds)
    return {
      works: requestIds.length,
      indexed: [...outcomes.values()].filter(Either.isRight).length,
      millis: performance.now() - began,
      idleRssMb,
      maxRssMb: rssMb()
    }
  })
  return Effect.runPromise(
    program.pipe(Effect.scoped, Effect.provide(Layer.merge(CircuitBreaker.layerMemory({ settings: {} }), Http.layer)))
  )
}

if (process.send !== undefined) {
  process.once("message", (order) => {
    void run(order as MintDenseOrder).then((report) => process.send?.(report, () => process.disconnect()))
  })
}
