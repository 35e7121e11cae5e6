/** Ten thousand callbacks that are not as mParticle sends them: none is taken, none meets a defect, nothing changes. */
import { X509Certificate } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Runtime from "effect/Runtime"
import { variants } from "../../../../local/src/sandboxes/mparticle/certificates.ts"
import { breathe } from "../../../support/breathe.ts"
import {
  callbackOf,
  callbackPath,
  domain,
  filed,
  inCallbackWorld,
  proof,
  Publisher,
  records,
  variant
} from "../../../support/callbacks.ts"
import { type Answer, ask, type Asked } from "../../../support/http.ts"

/** Sends what a property makes, and looks at the answer and at what is on record. */
const noneIsTaken = <A>(
  runs: number,
  arbitrary: FastCheck.Arbitrary<A>,
  make: (value: A, id: string) => Effect.Effect<Asked & { readonly path?: string }, never, Publisher>,
  statuses: ReadonlyArray<number>
) =>
  Effect.gen(function* () {
    const id = yield* filed
    const before = yield* records
    const send = (value: A) =>
      Effect.gen(function* () {
        yield* breathe
        const { path = callbackPath(id), ...asked } = yield* make(value, id)
        const answer: Answer = yield* ask("POST", path, asked)
        assert.include(statuses, answer.status, answer.text)
        assert.deepStrictEqual(yield* records, before)
        return answer.status
      })
    const runtime = yield* Effect.runtime<Effect.Effect.Context<ReturnType<typeof send>>>()
    const seen = new Map<number, number>()
    yield* Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(arbitrary, async (value) => {
          const status = await Runtime.runPromise(runtime)(send(value))
          seen.set(status, (seen.get(status) ?? 0) + 1)
        }),
        { numRuns: runs }
      )
    )
    // Each of the answers that are allowed was seen: what is generated is as varied as it is meant to be.
    assert.deepStrictEqual([...seen.keys()].toSorted(), [...statuses].toSorted())
  })

/** What can stand before the right certificate, and is one. */
const others = variants.filter((name) => name !== "normal" && name !== "huge" && name !== "notPem")

const share = FastCheck.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })
const otherByte = FastCheck.integer({ min: 1, max: 255 })

/** Bytes with one changed, some cut out, or some put in. */
const mutations = FastCheck.oneof(
  FastCheck.record({ how: FastCheck.constant("flip" as const), at: share, by: otherByte }),
  FastCheck.record({ how: FastCheck.constant("cut" as const), at: share, by: FastCheck.integer({ min: 1, max: 40 }) }),
  FastCheck.record({ how: FastCheck.constant("add" as const), at: share, by: otherByte })
)

type Mutation = typeof mutations extends FastCheck.Arbitrary<infer A> ? A : never

const mutated = (bytes: Buffer, { at, by, how }: Mutation): Buffer => {
  const index = Math.floor(at * bytes.length)
  const before = bytes.subarray(0, index)
  if (how === "cut") return Buffer.concat([before, bytes.subarray(index + by)])
  if (how === "add") return Buffer.concat([before, Buffer.from([by]), bytes.subarray(index)])
  return Buffer.concat([before, Buffer.from([(bytes[index] ?? 0) ^ by]), bytes.subarray(index + 1)])
}

const base64 = (bytes: Buffer): Asked => ({ text: bytes.toString("base64"), event: { isBase64Encoded: true } })

const signed = new Map<string, Buffer>()

/** mParticle's signature of these bytes; made once, as most are of the same ones. */
const ourSignature = (bytes: Buffer): Effect.Effect<Buffer> =>
  Effect.map(variant("normal"), ({ sign }) => {
    const key = bytes.toString("latin1")
    const signature = signed.get(key) ?? sign(bytes)
    if (signed.size < 10) signed.set(key, signature)
    return signature
  })

describe("ten thousand callbacks", () => {
  it.effect(
    "C-07 with other bytes than were signed",
    () =>
      noneIsTaken(
        3_000,
        FastCheck.oneof(mutations, FastCheck.uint8Array({ minLength: 1, maxLength: 600 })),
        (value, id) =>
          Effect.gen(function* () {
            const text = Buffer.from(JSON.stringify(callbackOf(id)))
            const headers = proof(yield* ourSignature(text))
            return { headers, ...base64(value instanceof Uint8Array ? Buffer.from(value) : mutated(text, value)) }
          }),
        [401]
      ).pipe(inCallbackWorld()),
    120_000
  )

  it.effect(
    "C-05 C-11 with other headers",
    () =>
      noneIsTaken(
        3_000,
        FastCheck.record({
          domain: FastCheck.option(
            FastCheck.oneof(
              FastCheck.constant(domain),
              FastCheck.string(),
              FastCheck.string().map((text) => `${domain}${text}x`),
              FastCheck.domain(),
              FastCheck.string({ unit: "binary" })
            )
          ),
          signature: FastCheck.option(
            FastCheck.oneof(
              mutations,
              FastCheck.string(),
              FastCheck.base64String(),
              FastCheck.string({ unit: "binary" }),
              FastCheck.uint8Array({ minLength: 256, maxLength: 256 }).map((bytes) =>
                Buffer.from(bytes).toString("base64")
              )
            )
          )
        }),
        (value, id) =>
          Effect.gen(function* () {
            const text = Buffer.from(JSON.stringify(callbackOf(id)))
            const signature = yield* ourSignature(text)
            const { signature: other } = value
            const given =
              other === null || typeof other === "string" ? other : mutated(signature, other).toString("base64")
            return {
              headers: {
                ...(value.domain === null ? {} : { "X-OpenDSR-Processor-Domain": value.domain }),
                ...(given === null ? {} : { "X-OpenDSR-Signature": given })
              },
              ...base64(text)
            }
          }),
        [401]
      ).pipe(inCallbackWorld()),
    120_000
  )

  it.effect(
    "C-13 C-16 with other certificates, in a new process each",
    () =>
      noneIsTaken(
        2_000,
        FastCheck.oneof(
          FastCheck.record({ part: FastCheck.integer({ min: 0, max: 1 }), mutation: mutations }),
          FastCheck.record({ pem: FastCheck.string() }),
          FastCheck.record({ bytes: FastCheck.uint8Array({ minLength: 1, maxLength: 2_000 }) }),
          // Everybody may put anybody's certificates behind their own.
          FastCheck.record({
            names: FastCheck.shuffledSubarray(others, { minLength: 1, maxLength: 5 })
          })
        ),
        (value, id) =>
          Effect.gen(function* () {
            const publisher = yield* Publisher
            const { certificates } = yield* variant("normal")
            const pemOf = (der: Uint8Array): string =>
              `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString("base64")}\n-----END CERTIFICATE-----\n`
            const ders = certificates.slice(0, 2).map((pem) => new X509Certificate(pem).raw)
            if ("part" in value) {
              const pem = ders.map((der, part) => pemOf(part === value.part ? mutated(der, value.mutation) : der))
              publisher.certificate = () => new Response(pem.join(""))
            } else if ("pem" in value) publisher.certificate = () => new Response(value.pem)
            else if ("bytes" in value) publisher.certificate = () => new Response(pemOf(value.bytes))
            else {
              const bundles = yield* Effect.forEach(value.names, variant)
              publisher.certificate = () =>
                new Response(bundles.map(({ pem }) => pem).join("") + certificates.join("\n"))
            }
            yield* publisher.restart
            const text = Buffer.from(JSON.stringify(callbackOf(id)))
            return { headers: proof(yield* ourSignature(text)), ...base64(text) }
          }),
        [401, 503]
      ).pipe(inCallbackWorld()),
    180_000
  )

  const elsewhere = "00000000-0000-4000-8000-000000000000"

  it.effect(
    "C-26 C-29 rightly signed, with another content",
    () =>
      noneIsTaken(
        2_000,
        FastCheck.oneof(
          FastCheck.json().map((text) => () => text),
          FastCheck.string().map((text) => () => text),
          FastCheck.uint8Array().map((bytes) => () => Buffer.from(bytes)),
          // No number, no list and nothing else is an id or a status.
          FastCheck.record({
            field: FastCheck.constantFrom("subject_request_id", "request_status"),
            value: FastCheck.oneof(FastCheck.integer(), FastCheck.constant(null), FastCheck.array(FastCheck.string()))
          }).map(
            ({ field, value }) =>
              (id: string) =>
                JSON.stringify(callbackOf(id, { [field]: value }))
          ),
          FastCheck.uuid({ version: 4 }).map((other) => () => JSON.stringify(callbackOf(other))),
          FastCheck.integer({ min: 1, max: 5_000 }).map(
            (depth) => (id: string) => `${"[".repeat(depth)}${JSON.stringify(callbackOf(id))}${"]".repeat(depth)}`
          ),
          FastCheck.constant(() => JSON.stringify(callbackOf(elsewhere)))
        ),
        (content, id) =>
          Effect.gen(function* () {
            const bytes = Buffer.from(content(id) as string)
            const signed = bytes.length === 0 ? Buffer.from(" ") : bytes
            const path = signed.includes(elsewhere) ? { path: callbackPath(elsewhere) } : {}
            return { headers: proof(yield* ourSignature(signed)), ...base64(signed), ...path }
          }),
        [400, 404]
      ).pipe(inCallbackWorld()),
    120_000
  )
})
