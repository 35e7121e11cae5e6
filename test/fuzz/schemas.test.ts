/** Every regular expression, every schema that clients import and every one on our own wires. */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { upstreamMessage, type VendorAnswer } from "../../src/layers/MParticle/VendorHttp.ts"
import * as AuditEntry from "../../src/schemas/AuditEntry.ts"
import * as CircuitRecord from "../../src/schemas/CircuitRecord.ts"
import * as DataSubjectRequest from "../../src/schemas/DataSubjectRequest.ts"
import * as DeletionMessage from "../../src/schemas/DeletionMessage.ts"
import * as DexArchive from "../../src/schemas/DexArchive.ts"
import * as EventsApi from "../../src/schemas/EventsApi.ts"
import * as FallbackMessage from "../../src/schemas/FallbackMessage.ts"
import * as Http from "../../src/schemas/Http.ts"
import * as Public from "../../src/schemas/index.ts"
import * as Issue from "../../src/schemas/Issue.ts"
import * as LambdaEvent from "../../src/schemas/LambdaEvent.ts"
import * as OpenDsr from "../../src/schemas/OpenDsr.ts"
import * as ProfileDeletion from "../../src/schemas/ProfileDeletion.ts"
import * as Staging from "../../src/schemas/Staging.ts"
import { parseRetryAfter } from "../../src/services/Resilience/parseRetryAfter.ts"
import { assertIssues, holds, runs, seed, timeout } from "./support/Fuzz.ts"
import { damaged, parsed, render, type Spec, values } from "./support/Hostile.ts"
import { type Attack, attacksOn, growsTooFast, patternsIn } from "./support/patterns.ts"

type AnySchema = Schema.Schema<unknown, unknown>

const isSchema = (value: unknown): value is AnySchema => Schema.isSchema(value)

const modules: Readonly<Record<string, object>> = {
  "": Public,
  AuditEntry,
  CircuitRecord,
  DataSubjectRequest,
  DeletionMessage,
  DexArchive,
  EventsApi,
  FallbackMessage,
  Http,
  LambdaEvent,
  OpenDsr,
  ProfileDeletion,
  Staging
}

/** All schemas of all modules by their names, each once. */
const schemas = new Map<AnySchema, string>()
for (const [module, exported] of Object.entries(modules)) {
  for (const [name, value] of Object.entries(exported)) {
    if (isSchema(value) && !schemas.has(value)) schemas.set(value, module === "" ? name : `${module}.${name}`)
  }
}

const words = FastCheck.string({ minLength: 1 })

/** Where the schema alone makes nothing, or finds it only by trying for long. */
const special = new Map<unknown, FastCheck.Arbitrary<unknown>>([
  [
    DeletionMessage.DeletionMessage,
    FastCheck.oneof(
      Arbitrary.make(DeletionMessage.Notification),
      Arbitrary.make(DeletionMessage.SubscriptionConfirmation),
      Arbitrary.make(DeletionMessage.UserDeletion)
    )
  ],
  [
    DexArchive.DatabaseSecret,
    FastCheck.record({
      host: words,
      username: words,
      password: words,
      database: words,
      port: FastCheck.integer({ min: 1, max: 65_535 })
    })
  ]
])

const arbitraryOf = (schema: AnySchema): FastCheck.Arbitrary<unknown> => special.get(schema) ?? Arbitrary.make(schema)

const jsonIn = (spec: Spec): Spec | undefined => {
  try {
    return typeof spec === "string" && /^[[{]/.test(spec) ? (JSON.parse(spec) as Spec) : undefined
  } catch {
    return undefined
  }
}

/** The encoded form of a value, damaged; JSON in a text is damaged inside of it. */
const damagedOf = (schema: AnySchema): FastCheck.Arbitrary<Spec> =>
  arbitraryOf(schema)
    .map(Schema.encodeSync(schema))
    .chain((spec) => {
      const json = jsonIn(spec)
      return json === undefined ? damaged(FastCheck.constant(spec)) : damaged(FastCheck.constant(json)).map(render)
    })

/** Without members that are undefined, as JSON has it. */
const plain = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => (inner === undefined ? [] : [[name, plain(inner)]]))
  )
}

/** JSON has no infinity. */
const isWritable = (value: unknown): boolean =>
  typeof value === "object" && value !== null
    ? Object.values(value).every(isWritable)
    : typeof value !== "number" || Number.isFinite(value)

/** There are so many of them that a campaign would be about nothing else. */
const share = runs > 100 ? 0.2 : 1

describe("a schema", () => {
  it("is looked at wherever it is", () => assert.isAtLeast(schemas.size, 90))

  for (const [schema, name] of schemas) {
    const decode = Schema.decodeUnknownEither(schema, { errors: "all" })
    const decodeFirst = Schema.decodeUnknownEither(schema)
    const encode = Schema.encodeSync(schema)
    const isValue = Schema.is(Schema.typeSchema(schema))

    it(`${name} reads what it writes`, { timeout }, () => {
      holds(
        arbitraryOf(schema),
        (value) => {
          if (!isWritable(value)) return
          const encoded = encode(value)
          const back = Either.getOrThrow(decode(encoded))
          assert.deepStrictEqual(plain(back), plain(value))
          const wired = Either.getOrThrow(decode(JSON.parse(JSON.stringify(encoded))))
          assert.strictEqual(JSON.stringify(encode(wired)), JSON.stringify(encoded))
        },
        share
      )
    })

    it(`${name} says what is wrong with anything else`, { timeout }, () => {
      const spoilt = FastCheck.oneof({ weight: 8, arbitrary: damagedOf(schema) }, { weight: 1, arbitrary: values })
      holds(
        spoilt,
        (spec) => {
          const input = parsed(spec)
          for (const read of [decode, decodeFirst]) {
            const outcome = read(input)
            if (Either.isLeft(outcome)) assertIssues(Issue.fromParseError(outcome.left))
            else {
              assert.isTrue(isValue(outcome.right))
              const again = Either.getOrThrow(decode(encode(outcome.right)))
              assert.deepStrictEqual(again, outcome.right)
            }
          }
        },
        share
      )
    })
  }
})

const refusal: VendorAnswer = { status: 400, mediaType: "application/json", body: "", retryAfterMillis: undefined }

describe("a regular expression", () => {
  it("that grows too fast would be found", { timeout }, () => {
    const attack = { head: "", pump: "/", tail: "x" }
    assert.isTrue(growsTooFast((text) => void text.replace(/\/+$/, ""), attack))
    assert.isFalse(growsTooFast((text) => void text.replace(/(?<!\/)\/+$/, ""), attack))
  })

  const { composed, found } = patternsIn()

  it("is written down, but for those that are tried below as what they are part of", () => {
    assert.isAtLeast(found.length, 50)
    assert.deepStrictEqual(composed, ["layers/MParticle/VendorHttp.ts", "services/Resilience/parseRetryAfter.ts"])
  })

  const chosen = (attacks: ReadonlyArray<Attack>): ReadonlyArray<Attack> => {
    const length = Math.min(Math.ceil(runs / 2), attacks.length)
    const subsets = FastCheck.shuffledSubarray([...attacks], { minLength: length, maxLength: length })
    return FastCheck.sample(subsets, { numRuns: 1, seed }).flat()
  }

  const uses: ReadonlyArray<readonly [place: string, use: (text: string) => void, attacks: ReadonlyArray<Attack>]> = [
    ...found.map(({ pattern, place }) => {
      const all = new RegExp(pattern, `${pattern.flags}g`)
      return [`${place} ${String(pattern)}`, (text: string) => void text.replace(all, ""), attacksOn(pattern)] as const
    }),
    ["parseRetryAfter", (text) => void parseRetryAfter(text, 0), attacksOn(/Sun, 06 Nov 1994 08:49:37 GMT/)],
    [
      "what an error of a vendor's says",
      (text) => void upstreamMessage({ ...refusal, body: JSON.stringify({ message: text }) }, [text]),
      attacksOn(/a+b/)
    ]
  ]

  for (const [place, use, attacks] of uses) {
    it(`of ${place} takes four times as long for four times as much`, { timeout }, () => {
      for (const attack of chosen(attacks)) assert.isFalse(growsTooFast(use, attack), JSON.stringify(attack))
    })
  }
})
