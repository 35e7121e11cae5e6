/** Every schema that clients import and every one on our own wires: what it writes it reads, and what it cannot it says. */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
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
import { assertIssues, holds, timeout } from "./support/Fuzz.ts"
import { damaged, parsed, render, type Spec, values } from "./support/Hostile.ts"

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

describe("a schema", () => {
  it("is looked at wherever it is", () => assert.isAtLeast(schemas.size, 90))

  for (const [schema, name] of schemas) {
    const decode = Schema.decodeUnknownEither(schema, { errors: "all" })
    const decodeFirst = Schema.decodeUnknownEither(schema)
    const encode = Schema.encodeSync(schema)
    const isValue = Schema.is(Schema.typeSchema(schema))

    it(`${name} reads what it writes`, { timeout }, () => {
      holds(arbitraryOf(schema), (value) => {
        if (!isWritable(value)) return
        const encoded = encode(value)
        const back = Either.getOrThrow(decode(encoded))
        assert.deepStrictEqual(plain(back), plain(value))
        const wired = Either.getOrThrow(decode(JSON.parse(JSON.stringify(encoded))))
        assert.strictEqual(JSON.stringify(encode(wired)), JSON.stringify(encoded))
      })
    })

    it(`${name} says what is wrong with anything else`, { timeout }, () => {
      const spoilt = FastCheck.oneof({ weight: 8, arbitrary: damagedOf(schema) }, { weight: 1, arbitrary: values })
      holds(spoilt, (spec) => {
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
      })
    })
  }
})
