/** Input that nobody sends by accident: valid JSON, damaged. What is generated stays small; `render` makes it large. */
import * as Arbitrary from "effect/Arbitrary"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { canary } from "./Fuzz.ts"

/** JSON in which some texts stand for what is too large, or too odd, to be handed around. */
export type Spec = unknown

const levels = 10_000
const many = 100_000

const nested = (open: string, close: string): string => `${open.repeat(levels)}null${close.repeat(levels)}`

const large: Readonly<Record<string, string>> = {
  deepArrays: nested("[", "]"),
  deepObjects: nested('{"data":', "}"),
  deepBoth: nested('[{"a":', "}]"),
  manyItems: `[${"0,".repeat(many)}0]`,
  manyKeys: `{${Array.from({ length: many }, (_, at) => `"k${at}":0`).join()}}`,
  megabyte: JSON.stringify(`${canary}${"x".repeat(1_000_000)}`),
  megabyteOfHalves: `"${"\\ud800".repeat(150_000)}"`
}

const numbers = [
  ["-0", "0", "1", "-1", "1.5", "1e400", "-1e400", "1e-400", "5e-324", "1E+2", "9007199254740993", "0.1e1"],
  ["1e21", "123456789012345678901234567890", `${"9".repeat(400)}`, "253402300800000", "8640000000000001"]
].flat()

const mark = /(?<!\\)"§(number|large):([^"\\§]*)"/g

/** The text of a specification. */
export const render = (spec: Spec): string =>
  (JSON.stringify(spec) ?? "null").replace(mark, (whole, kind: string, name: string) =>
    kind === "number" && numbers.includes(name) ? name : (large[name] ?? whole)
  )

/** The value of a specification, as it comes out of JSON. */
export const parsed = (spec: Spec): unknown => JSON.parse(render(spec))

const names = [
  ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "then", "length", "", " ", "0", "null"],
  ["action", "payload", "Payload", "e\u0301mail", "\u0000", "\ud800", "a.b", "[0]", "Records", "warmup", "_tag"]
].flat()

const words = [
  ["", " ", "\u0000", "\ud800", "\udfff\ud800", "\u202eabc", "e\u0301", "\u00e9", "\u212b", "\u00c5", "\ufb01"],
  ["\ufeff", "\u2028", "\u0085", "\u200b", "😀".repeat(64), "a".repeat(255), "a".repeat(256), "a".repeat(257)],
  ["NaN", "Infinity", "-0", "1e400", "9007199254740993", "0x10", "١٢", "1_000", "+1", "01", "1.", "true", "null"],
  ["9999-12-31T24:00:00.000Z", "0000-01-01T00:00:00+05:00", "2016-12-31T23:59:60Z", "2023-02-30", "0000-00-00"],
  ["+010000-01-01T00:00:00.000Z", "9999-12-31T23:00:00-05:00", "-000001-01-01", "2024-02-29T25:61:61Z"],
  ["%00", "%zz", "%40", "%c0%80", "../../etc/passwd", "'; DROP TABLE t; --", "<script>", "\r\nSet-Cookie: a=b"],
  ["{}", "[]", '"', "\\", "\\u0000", "${a}", "whatsapp:", "https://[", "https://user:pw@host:99999/", "data:,"],
  ["a@b", "a@b.c", `${"a".repeat(64)}@${"b.".repeat(90)}cc`, "s3://", "arn:aws:sqs:::x", "-----BEGIN CERTIFICATE-----"]
].flat()

/** A text that means trouble; most have something planted in them. */
export const texts: FastCheck.Arbitrary<string> = FastCheck.tuple(
  FastCheck.oneof(
    { weight: 6, arbitrary: FastCheck.constantFrom(...words, ...names) },
    { weight: 1, arbitrary: FastCheck.string16bits({ maxLength: 12 }) },
    { weight: 1, arbitrary: FastCheck.fullUnicodeString({ maxLength: 12 }) }
  ),
  FastCheck.constantFrom("before", "after", "around", "nowhere")
).map(([text, where]) => {
  const before = where === "before" || where === "around" ? canary : ""
  return before + text + (where === "after" || where === "around" ? canary : "")
})

/** A JSON value that means trouble. */
export const values: FastCheck.Arbitrary<Spec> = FastCheck.oneof(
  { weight: 20, arbitrary: texts },
  { weight: 10, arbitrary: FastCheck.constantFrom(...numbers.map((text) => `§number:${text}`)) },
  { weight: 1, arbitrary: FastCheck.constantFrom(...Object.keys(large).map((name) => `§large:${name}`)) },
  { weight: 12, arbitrary: FastCheck.constantFrom<Spec>(null, true, false, [], {}, [null], { "": null }) },
  {
    weight: 6,
    arbitrary: FastCheck.tuple(FastCheck.constantFrom(...names), texts).map(([name, text]) =>
      Object.fromEntries([[name, text]])
    )
  }
)

const mutations = FastCheck.record({
  at: FastCheck.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  how: FastCheck.constantFrom("replace", "replace", "edit", "remove", "rename", "add", "repeat", "wrap", "quote"),
  name: FastCheck.constantFrom(...names),
  value: values
})

type Mutation = typeof mutations extends FastCheck.Arbitrary<infer A> ? A : never
type Place = ReadonlyArray<string | number>

const placesIn = (value: Spec, path: Place = []): ReadonlyArray<Place> => {
  if (typeof value !== "object" || value === null) return [path]
  const inner = Array.isArray(value) ? value.map((item, at) => [at, item] as const) : Object.entries(value)
  return [path, ...inner.slice(0, 40).flatMap(([key, item]) => placesIn(item, [...path, key]))]
}

/** The value with what is at a place exchanged for the entries that are made of it. */
const changed = (
  value: Spec,
  [key, ...rest]: Place,
  change: (name: string, value: Spec) => ReadonlyArray<readonly [name: string, value: Spec]>
): Spec => {
  if (key === undefined) return change("", value)[0]?.[1] ?? null
  const entry = (name: string, item: Spec) =>
    rest.length === 0 ? change(name, item) : [[name, changed(item, rest, change)] as const]
  if (Array.isArray(value)) {
    return value.flatMap((item: Spec, at) => (at === key ? entry(String(at), item).map(([, one]) => one) : [item]))
  }
  const entries = Object.entries(value as object)
  return Object.fromEntries(entries.flatMap(([name, item]) => (name === key ? entry(name, item) : [[name, item]])))
}

const added = (item: Spec, name: string, value: Spec): Spec =>
  Array.isArray(item)
    ? [...(item as ReadonlyArray<Spec>), value]
    : typeof item === "object" && item !== null
      ? Object.fromEntries([...Object.entries(item), [name, value]])
      : value

const applied = (spec: Spec, { at, how, name: other, value }: Mutation): Spec => {
  const places = placesIn(spec)
  return changed(spec, places[Math.floor(at * places.length)] ?? [], (name, item) => {
    if (how === "remove") return []
    if (how === "rename") return [[other, item]]
    if (how === "add") return [[name, added(item, other, value)]]
    if (how === "repeat") return [[name, [item, item]]]
    if (how === "wrap") return [[name, { [name]: item }]]
    if (how === "quote") return [[name, typeof item === "string" ? [item] : JSON.stringify(item)]]
    if (how === "edit" && typeof item === "string" && typeof value === "string") return [[name, item + value]]
    return [[name, value]]
  })
}

/** What a schema takes, as it comes in. */
export const encoded = <A, I>(schema: Schema.Schema<A, I>): FastCheck.Arbitrary<Spec> =>
  Arbitrary.make(schema).map(Schema.encodeSync(schema))

/** Valid JSON with up to three things done to it. */
export const damaged = (valid: FastCheck.Arbitrary<Spec>): FastCheck.Arbitrary<Spec> =>
  FastCheck.tuple(valid, FastCheck.array(mutations, { minLength: 1, maxLength: 3 })).map(([spec, changes]) =>
    changes.reduce(applied, spec)
  )

const spoilers: ReadonlyArray<(text: string) => string> = [
  (text) => `\ufeff${text}`,
  (text) => `${text.slice(0, -1)},${text.slice(-1)}`,
  (text) => text.slice(0, Math.floor(text.length / 2)),
  (text) => `${text} ${text}`,
  (text) => `${text}\u0000`,
  (text) => `${" ".repeat(100_000)}${text}`,
  (text) => `[${text}`,
  (text) => text.replaceAll('"', "'"),
  (text) => text.replace("{", `{"__proto__":{"action":"${canary}"},"__proto__":null,`),
  (text) => text.replace(/\{("[^"]*"):/, `{$1:"${canary}",$1:`),
  (text) => text.replace(":", ":/* */"),
  (text) => text.replace(/"(?=[,}])/, '\n"'),
  () => "",
  () => "NaN",
  () => `"${canary}"`,
  () => '{"a":"\ud800"}'
]

/** JSON as it is sent: damaged, and sometimes as a text as well. */
export const documents = (valid: FastCheck.Arbitrary<Spec>): FastCheck.Arbitrary<string> =>
  FastCheck.tuple(
    FastCheck.oneof({ weight: 1, arbitrary: valid }, { weight: 5, arbitrary: damaged(valid) }),
    FastCheck.oneof(
      { weight: 3, arbitrary: FastCheck.constant((text: string) => text) },
      { weight: 2, arbitrary: FastCheck.constantFrom(...spoilers) }
    )
  ).map(([spec, spoil]) => spoil(render(spec)))

/** Bytes that are no UTF-8: alone, overlong, cut off, half a character, another encoding's. */
const foreign = ["ff", "c080", "e282", "eda080", "f4908080", "fffe7b00", "00"].map((hex) => Buffer.from(hex, "hex"))

/** A document as bytes, some of which may be none of UTF-8's. */
export const bytes = (text: FastCheck.Arbitrary<string>): FastCheck.Arbitrary<Buffer> =>
  FastCheck.tuple(
    text,
    FastCheck.option(FastCheck.constantFrom(...foreign), { freq: 3 }),
    FastCheck.double({ min: 0, max: 1, noNaN: true })
  ).map(([given, odd, share]) => {
    const all = Buffer.from(given)
    const at = Math.floor(share * all.length)
    return odd === null ? all : Buffer.concat([all.subarray(0, at), odd, all.subarray(at)])
  })

/** Instants at the edges of what there is, and some that are not. */
const instants = words.filter((word) => /^[+-]?\d{4,6}-/.test(word))

const ownId = "§id"

/** What mParticle says of a request, whose id is put in later; an instant may be at an edge. */
export const wordsOf = (valid: FastCheck.Arbitrary<Spec>): FastCheck.Arbitrary<Spec> =>
  FastCheck.tuple(
    valid,
    FastCheck.constantFrom("pending", "in_progress", "completed", "cancelled", "unheard of"),
    FastCheck.option(FastCheck.constantFrom(...instants))
  ).map(([spec, status, instant]) => ({
    ...(spec as object),
    subject_request_id: ownId,
    request_status: status,
    ...(instant === null ? {} : { expected_completion_time: instant })
  }))

/** The bytes with the id of a request where it belongs. */
export const about = (id: string, said: Buffer): Buffer =>
  Buffer.from(said.toString("latin1").replaceAll(Buffer.from(ownId).toString("latin1"), id), "latin1")

/** Several at a time: to build what they are sent to takes longer than to send them. */
export const several = <A>(one: FastCheck.Arbitrary<A>, most = 12): FastCheck.Arbitrary<ReadonlyArray<A>> =>
  FastCheck.array(one, { minLength: 1, maxLength: most, size: "max" })
