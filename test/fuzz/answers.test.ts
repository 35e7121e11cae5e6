/** What others answer us, damaged: it is a value of its schema or a typed failure, and what it says reaches no line. */
import { type AttributeValue, DynamoDBClient } from "@aws-sdk/client-dynamodb"
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { isJson } from "../../src/layers/DexArchive/responseBody.ts"
import * as Tokens from "../../src/layers/DexArchive/Tokens.ts"
import { LoginSecret } from "../../src/layers/IdMinter/Databases.ts"
import { parsePem, trust } from "../../src/layers/MParticle/CallbackVerifier/Chain.ts"
import { auditEntryFrom, pointerFrom, recordFrom } from "../../src/layers/MParticle/RequestItems.ts"
import { upstreamMessage, type VendorAnswer } from "../../src/layers/MParticle/VendorHttp.ts"
import * as DynamoStore from "../../src/layers/Resilience/CircuitBreaker/DynamoStore.ts"
import * as Secrets from "../../src/layers/Secrets.ts"
import { AuditEntry } from "../../src/schemas/AuditEntry.ts"
import { BatonFailure, BatonResponse, InitiateSuccess, StatusSuccess } from "../../src/schemas/Baton.ts"
import { CircuitRecord } from "../../src/schemas/CircuitRecord.ts"
import { RequestRecord, Timestamp } from "../../src/schemas/DataSubjectRequest.ts"
import { DatabaseSecret } from "../../src/schemas/DexArchive.ts"
import * as Issue from "../../src/schemas/Issue.ts"
import { RequestState, SubmitAccepted, timestampFrom } from "../../src/schemas/OpenDsr.ts"
import { isBatonError } from "../../src/sdk/Baton.ts"
import { during, initiateWith, inMemory, statusOf, upstream } from "../support/baton.ts"
import { domain, rootPem, today } from "../support/callbacks.ts"
import { answering, impatient, worksOf } from "../support/elasticsearch.ts"
import { anonymous, answerText, using } from "../support/fakeLambda.ts"
import { written } from "../support/logs.ts"
import { MemoryStore } from "../support/memoryStore.ts"
import { works } from "../support/minterBulk.ts"
import { node, requestIdOf, workOf } from "../support/minterWorks.ts"
import { assertHidden, assertIssues, holds, options, timeout } from "./support/Fuzz.ts"
import { about, bytes, damaged, documents, encoded, several, type Spec, texts, wordsOf } from "./support/Hostile.ts"

/** A vendor's refusal with this text. */
const refusalOf = (message: string): VendorAnswer => ({
  status: 400,
  mediaType: "application/json",
  body: JSON.stringify({ message }),
  retryAfterMillis: undefined
})

describe("what the fuzzing has found", () => {
  it("an instant at the edge of the years is none that could be read back out of a record", () => {
    for (const text of ["9999-12-31T23:00:00-05:00", "0000-01-01T00:00:00+05:00", "9999-12-31T24:00:00Z"]) {
      assert.isUndefined(timestampFrom(text), text)
    }
    assert.isTrue(Schema.is(Timestamp)(timestampFrom("9999-12-31T18:59:59-05:00")))
  })

  it("a value that is longer than any regular expression can be is hidden by no defect", () => {
    const long = "¤".repeat(200_000)
    assert.strictEqual(upstreamMessage(refusalOf("no: (x)"), [long, "(x)"]), "no: [redacted]")
  })

  it("a row with a number that JavaScript has not is a row that cannot be read, and no defect", () => {
    for (const N of ["1e100", "9007199254740993.5", "9007199254740993"]) {
      const row = { version: { N } }
      for (const read of [recordFrom(row), auditEntryFrom(row), pointerFrom(row)]) assert.strictEqual(read._tag, "Left")
    }
  })
})

/** Bytes as an answer has them. */
const answerOf = (body: Buffer, status: number, headers: Readonly<Record<string, string>>): Response =>
  new Response(Uint8Array.from(body), { status, headers })

const headers = FastCheck.record(
  {
    "content-type": FastCheck.oneof(
      { weight: 5, arbitrary: FastCheck.constantFrom("application/json", "Application/Problem+JSON; charset=utf-8") },
      { weight: 1, arbitrary: FastCheck.constantFrom("", "text/html", "application/json, text/html", "a/b/c", "json") }
    ),
    "retry-after": FastCheck.constantFrom(
      "0",
      "-1",
      "1e9",
      "9".repeat(400),
      "Sun, 06 Nov 2094 08:49:37 GMT",
      "soon",
      ""
    )
  },
  { requiredKeys: ["content-type"] }
)

const statuses = FastCheck.oneof(
  { weight: 4, arbitrary: FastCheck.constantFrom(200, 201, 202) },
  { weight: 1, arbitrary: FastCheck.constantFrom(206, 299, 300, 304, 400, 404, 409, 418, 429, 500, 503, 599) }
).map((status) => (status === 304 ? 302 : status))

const isRecord = Schema.is(RequestRecord)

describe("an answer of mParticle's", () => {
  const isBatonAnswer = Schema.is(BatonResponse)

  it.effect.prop(
    "is what a request is answered with, or why it failed, and leaves a record that can be read",
    [
      several(
        FastCheck.record({
          accepted: bytes(documents(wordsOf(encoded(SubmitAccepted)))),
          state: bytes(documents(wordsOf(encoded(RequestState)))),
          status: statuses,
          headers
        }),
        6
      )
    ],
    ([all]) =>
      Effect.forEach(
        all,
        ({ accepted, headers: given, state, status }) =>
          Effect.gen(function* () {
            const fake = yield* upstream
            fake.reply = ({ body }) => {
              const { subject_request_id: id } = body as { readonly subject_request_id: string }
              return answerOf(about(id, accepted), status, given)
            }
            fake.lookup = ({ url }) => answerOf(about(url.slice(url.lastIndexOf("/") + 1), state), status, given)
            const filed = yield* written(during("25 seconds")(initiateWith()))
            yield* TestClock.adjust("1 hours")
            const [record] = (yield* MemoryStore).records.values()
            const asked = yield* written(during("25 seconds")(statusOf(record?.id)))
            for (const { exit, text } of [filed, asked]) {
              const answer = yield* exit
              assert.isTrue(isBatonAnswer(answer), JSON.stringify(answer))
              assert.notInclude(JSON.stringify(answer), "INTERNAL_ERROR")
              // Of a refusal mParticle's own words are shown, and cleaned: that is tested elsewhere.
              if (status < 300) assertHidden("a line", text)
              if (status < 300) assertHidden("the answer", JSON.stringify(answer))
            }
            for (const one of (yield* MemoryStore).records.values()) assert.isTrue(isRecord(one), JSON.stringify(one))
          }).pipe(inMemory()),
        { discard: true }
      ),
    options()
  )
})

describe("an answer of the archive's API", () => {
  const credentials = { token_url: "https://token.example.com/t", client_id: "id", client_secret: "s" }

  it.effect.prop(
    "for a token is a token that a header can hold, or a failure without its words",
    [
      bytes(documents(FastCheck.constant({ access_token: "t0ken", token_type: "Bearer", expires_in: 300 }))),
      statuses,
      headers
    ],
    ([body, status, given]) =>
      Effect.gen(function* () {
        const { client } = answering(() => answerOf(body, status, given))
        const got = Tokens.make(client, credentials).pipe(Effect.flatMap(({ current }) => current))
        const outcome = yield* Effect.withRandom(during("2 days")(Effect.either(got)), Random.fixed([0.5]))
        if (Either.isRight(outcome)) return assert.match(outcome.right, /^[\x21-\x7e]+$/)
        assert.strictEqual(outcome.left._tag, "DexTokenError")
        assertHidden("the error", `${outcome.left.message} ${JSON.stringify(outcome.left)}`)
      }),
    options(4)
  )

  it("is JSON, or is not, in whatever character set", { timeout }, () => {
    const charsets = FastCheck.oneof(
      FastCheck.constantFrom("", "application/json", "application/json; charset=utf-16le", 'a/b; charset="latin1"'),
      texts.map((text) => `application/json; charset=${text}`)
    )
    const body = documents(encoded(RequestState))
    holds(FastCheck.tuple(bytes(body), charsets), ([given, type]) => assert.isBoolean(isJson(given, type)), 4)
    holds(body, (text) => {
      const isValid = Either.isRight(
        Either.try(() => JSON.parse(text.replace(/^\ufeff/, "").toWellFormed()) as unknown)
      )
      assert.strictEqual(isJson(Buffer.from(text), "application/json"), isValid)
    })
  })
})

describe("an answer of Elasticsearch's", () => {
  const ids = [1, 2].map((number) => requestIdOf(String(number)))
  const found = {
    docs: ids.map((_id, at) => ({ _id, found: true, _source: workOf(String(at + 1), {}, { items: [node("i")] }) }))
  }
  const items = { errors: true, items: [{ index: { status: 201 } }, { index: { status: 409, error: { type: "x" } } }] }

  it.effect.prop(
    "is documents and outcomes, one for each work, or a typed failure",
    [documents(FastCheck.constant<Spec>(found)), documents(FastCheck.constant<Spec>(items))],
    ([documentsText, itemsText]) =>
      Effect.gen(function* () {
        const fetching = yield* worksOf(answering(() => new Response(documentsText)))
        const fetched = yield* written(impatient(Effect.either(fetching.fetch(ids))))
        const outcome = yield* fetched.exit
        assertHidden("a line", fetched.text)
        if (Either.isLeft(outcome)) {
          assert.include(["ElasticsearchTransient", "ElasticsearchRejected", "CircuitOpen"], outcome.left._tag)
          assertHidden("the error", outcome.left.message)
        } else {
          assert.deepStrictEqual([...outcome.right.keys()], ids)
          for (const one of outcome.right.values()) if (Either.isLeft(one)) assertHidden("the flaw", one.left.message)
        }
        const indexing = yield* worksOf(answering(() => new Response(itemsText)))
        const indexed = yield* impatient(indexing.index(works(2), () => undefined))
        assert.lengthOf([...indexed.keys()], 2)
      }),
    options(2)
  )
})

describe("an answer of Baton's function", () => {
  it.effect.prop(
    "is one of the contract's, or an error of the SDK's without its values",
    [documents(FastCheck.oneof(encoded(InitiateSuccess), encoded(StatusSuccess), encoded(BatonFailure)))],
    ([text]) =>
      Effect.gen(function* () {
        const { result } = yield* using([answerText(text)], (client) => Effect.either(client.initiate(anonymous)))
        if (Either.isRight(result)) return assert.isTrue(Schema.is(InitiateSuccess)(result.right))
        assert.isTrue(isBatonError(result.left), result.left._tag)
        // What a refusal says is the function's own word, and meant for the caller.
        if (result.left._tag === "UndecodableAnswer") assertIssues(result.left.issues)
      }),
    options(4)
  )
})

describe("what is stored", () => {
  /** An attribute of a table: numbers are spelled as they may be, and need not fit into any of JavaScript's. */
  const attributeOf = (spec: Spec): AttributeValue => {
    if (typeof spec === "string") return spec.startsWith("§number:") ? { N: spec.slice(8) } : { S: spec }
    if (typeof spec === "number") return { N: String(spec) }
    if (typeof spec === "boolean") return { BOOL: spec }
    if (Array.isArray(spec)) return { L: spec.map(attributeOf) }
    return typeof spec === "object" && spec !== null ? { M: itemOf(spec) } : { NULL: true }
  }
  const itemOf = (spec: object): Record<string, AttributeValue> =>
    Object.fromEntries(Object.entries(spec).map(([name, value]) => [name, attributeOf(value)]))

  const rows = <A, I>(schema: Schema.Schema<A, I>) =>
    damaged(encoded(schema)).map((spec) => itemOf(typeof spec === "object" && spec !== null ? spec : {}))

  it("in a row is a record, an entry or a pointer, or cannot be read", { timeout }, () => {
    holds(
      FastCheck.oneof(rows(RequestRecord), rows(AuditEntry)),
      (row) => {
        const record = recordFrom(row)
        if (Either.isRight(record)) assert.isTrue(isRecord(record.right))
        else assertIssues(Issue.fromParseError(record.left))
        const [entry, pointer] = [auditEntryFrom(row), pointerFrom(row)]
        if (Either.isLeft(entry)) assertIssues(Issue.fromParseError(entry.left))
        if (Either.isLeft(pointer)) assertIssues(Issue.fromParseError(pointer.left))
      },
      8
    )
  })

  it.effect.prop(
    "of a breaker is a state, or the breaker goes on by itself",
    [rows(CircuitRecord)],
    ([Item]) =>
      Effect.gen(function* () {
        const send = () => Promise.resolve({ $metadata: {}, Item })
        const client = Object.assign(new DynamoDBClient({ region: "eu-west-1" }), { send })
        const store = yield* DynamoStore.make(client, { table: "breakers" })
        const { exit, text } = yield* written(Effect.either(store.load("mparticle")))
        const state = yield* exit
        if (Either.isRight(state)) assert.include(["Closed", "Open", "HalfOpen"], state.right._tag)
        else assert.strictEqual(state.left.reason, "the record cannot be read")
        assertHidden("a line", text)
      }),
    options(4)
  )

  it.effect.prop(
    "as a secret is one, or is said to be none without its values",
    [documents(FastCheck.constant({ username: "u", password: "p", host: "h", port: "1433", database: "d" }))],
    ([SecretString]) =>
      Effect.gen(function* () {
        const send = () => Promise.resolve({ $metadata: {}, SecretString })
        const client = Object.assign(new SecretsManagerClient({ region: "eu-west-1" }), { send })
        for (const reading of [
          Effect.asVoid(Secrets.read(client, { name: "s" }, DatabaseSecret)),
          Effect.asVoid(Secrets.read(client, { name: "s" }, LoginSecret))
        ]) {
          const outcome = yield* Effect.either(reading)
          if (Either.isLeft(outcome)) assertHidden("the reason", outcome.left.reason)
        }
      }),
    options(4)
  )

  it("as a certificate can be read, or is none", { timeout }, () => {
    const block = (inside: string) => `-----BEGIN CERTIFICATE-----\n${inside}\n-----END CERTIFICATE-----\n`
    const pems = FastCheck.array(
      FastCheck.oneof(texts, FastCheck.constant(rootPem), FastCheck.base64String().map(block), texts.map(block)),
      { maxLength: 4 }
    )
    const expectations = { domain, anchors: parsePem(rootPem) ?? [], pins: [] }
    holds(
      pems,
      (parts) => {
        const certificates = parsePem(parts.join(""))
        if (certificates === undefined) return
        assert.isAtLeast(certificates.length, 1)
        assert.isTrue(Either.isLeft(trust(certificates, expectations, today)))
      },
      8
    )
  })
})
