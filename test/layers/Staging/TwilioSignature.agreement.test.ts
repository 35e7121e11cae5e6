/** Ten thousand requests, genuine and not: our check believes those that Twilio's own validator believes, no other. */
import { parse, stringify } from "node:querystring"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { getExpectedTwilioSignature, validateRequest } from "twilio/lib/webhooks/webhooks.js"
import { verify } from "../../../src/layers/Staging/TwilioSignature.ts"
import { breathe } from "../../support/breathe.ts"
import { type Params, signatures, token, twilioParams } from "../../support/twilioVectors.ts"

const runs = 10_000
const pick = FastCheck.constantFrom

const join = (parts: ReadonlyArray<string>): string => parts.join("")

const oddText = FastCheck.oneof(
  FastCheck.string({ unit: "binary", maxLength: 12 }),
  FastCheck.string({ unit: "grapheme", maxLength: 12 }),
  pick(
    "\ud83d",
    "\ude00",
    "a\ud800",
    "  x  ",
    "\n",
    "\t\r\n",
    "é",
    "e\u0301",
    "\u0000",
    "\uffff",
    "😀",
    "+",
    "%2B",
    "&="
  )
)

/** A URL as it is called, most of them plain, some of them none at all. */
const url = FastCheck.oneof(
  {
    arbitrary: FastCheck.tuple(
      pick("https://hooks.example.com", "https://a1b2c3d4e5.execute-api.eu-west-2.amazonaws.com"),
      pick("", "", ":443", ":8443"),
      pick("/whatsapp", "/dev/sms", "/replies/whatsapp"),
      pick("", "", "?tenant=acme&env=dev", "?a=b%20c", "?a=b+c", "?name=O'Neil", "?name=O%27Neil")
    ).map(join),
    weight: 3
  },
  {
    arbitrary: FastCheck.tuple(
      pick("https://", "http://", "HTTPS://", "hTTp://", "ftp://", "x-y.z+1://", "://", "https:/", "1a://"),
      pick("", "", "user:pass@", "a@b:c@", "@", ":@", "]@"),
      pick(
        "h.example",
        "H.Example",
        "127.1",
        "[::1]",
        "[::1",
        "bücher.example",
        "xn--a",
        "a_b",
        "",
        "a b",
        "%41",
        "[a]b]"
      ),
      pick("", "", ":", ":80", ":443", ":8443", ":0443", ":99999", ":x", ":1:2"),
      pick("", "/", "/a/../b", "/a b", "/ü'", "/%zz", "//", "/;a=b", "/a:80", "/@x:1", "\\a"),
      FastCheck.oneof(
        pick("", "?", "?a", "?a=&b", "?a=1&a=2", "?a='&b=\"", "?a=%27", "?a+b=c%20d", "?&&", "?=", "?a=%ff", "?a=b?c"),
        pick(
          "?__proto__=1&a=2",
          "?a=%F0%9F%98%80",
          "?a=😀",
          "?a=<b>`|^",
          "?a=~!*()",
          "?a[]=1&a[]=2",
          "?a=%2B",
          "?a=/:@"
        ),
        oddText.map((text) => `?${text}`)
      ),
      pick("", "", "", "#", "#rc=3&rp=5xx", "#?a='b", "#:80")
    ).map(join),
    weight: 5
  },
  FastCheck.webUrl({ withQueryParameters: true, withFragments: true }),
  oddText
)

const name = FastCheck.oneof(
  { arbitrary: pick("Body", "From", "To", "MessageSid", "ToCity", "body", "_a", "Z", "z"), weight: 4 },
  pick("__proto__", "constructor", "toString", "length", "10", "9", "-1", "", " ", "é", "😀", "\uffff"),
  oddText
)

const value = FastCheck.oneof(
  { arbitrary: pick("", "", "1", "2", "a", "B", "whatsapp:+447700900001", " Hello  there "), weight: 3 },
  oddText
)

const params: FastCheck.Arbitrary<Params> = FastCheck.array(
  FastCheck.tuple(
    name,
    FastCheck.oneof(
      { arbitrary: FastCheck.array(value, { minLength: 1, maxLength: 1 }), weight: 4 },
      FastCheck.array(value, { maxLength: 4 })
    )
  ),
  { maxLength: 8 }
).map((entries) => new Map(entries))

const reparsed = (text: string): string => URL.parse(text)?.href ?? text

const otherQuery = (text: string): string =>
  text.replace(/\?([^]+)$/, (_, query: string) => `?${stringify(parse(query.toWellFormed()))}`)

const withPort =
  (port: string) =>
  (text: string): string =>
    text.replace(/^([a-z]+:\/\/(?:[^/?#]*@)?(?:\[[^/?#]*\]|[^:/?#]*))(?::[^/?#]*)?/i, `$1${port}`)

const chained =
  (...steps: ReadonlyArray<(text: string) => string>) =>
  (text: string): string =>
    steps.reduce((before, step) => step(before), text)

/** What a sender may have signed of the URL that it called; which of it counts, Twilio's validator says. */
const spellings = {
  asCalled: (text: string) => text,
  withoutPort: withPort(""),
  withHttpsPort: withPort(":443"),
  withHttpPort: withPort(":80"),
  withWrongPort: withPort(":8080"),
  normalized: reparsed,
  normalizedWithoutPort: chained(reparsed, withPort("")),
  normalizedWithPort: chained(reparsed, withPort(":443")),
  legacy: chained(reparsed, otherQuery),
  legacyWithoutPort: chained(reparsed, otherQuery, withPort("")),
  legacyWithPort: chained(reparsed, otherQuery, withPort(":443")),
  legacyAsCalled: otherQuery,
  withoutFragment: (text: string) => text.replace(/#.*$/, ""),
  withSlash: (text: string) => `${text}/`,
  inLowerCase: (text: string) => text.toLowerCase()
}
type Spelling = keyof typeof spellings

const eachValue = (change: (values: ReadonlyArray<string>) => ReadonlyArray<string>) => (all: Params) =>
  new Map([...all].map(([key, values]) => [key, change(values)]))

/** What becomes of the parameters between the signature and us. */
const changes = {
  none: (all: Params) => all,
  reversed: (all: Params) => new Map([...eachValue((values) => values.toReversed())(all)].toReversed()),
  doubled: eachValue((values) => [...values, ...values]),
  trimmed: eachValue((values) => values.map((text) => text.trim())),
  lastOnly: eachValue((values) => values.slice(-1)),
  withoutBlanks: (all: Params) => new Map([...all].filter(([, values]) => values.some((text) => text !== ""))),
  withBlank: (all: Params) => new Map([...all, ["Extra", [""]] as const]),
  shifted: (all: Params) =>
    new Map([...all].map(([key, values]) => [key.slice(0, 1), [key.slice(1) + values.join("")]])),
  empty: () => new Map<string, ReadonlyArray<string>>()
}

/** What becomes of the header between the signature and us. */
const mutations: ReadonlyArray<(signature: string) => string | undefined> = [
  () => undefined,
  () => "",
  () => signatures.V1,
  (signature) => signature.slice(0, -1),
  (signature) => `${signature}=`,
  (signature) => `${signature} `,
  (signature) => signature.toLowerCase(),
  (signature) => signature.replaceAll("+", "-").replaceAll("/", "_"),
  (signature) => `${signature},${signature}`,
  (signature) => signature.replace(/.=$/, (end) => `${String.fromCharCode(end.charCodeAt(0) + 1)}=`),
  (signature) => (signature.startsWith("A") ? "B" : "A") + signature.slice(1),
  (signature) => Buffer.from(signature, "base64").toString("hex")
]

const twilioBelieves = (key: string, signature: string | undefined, called: string, all: Params): boolean => {
  try {
    return validateRequest(key, signature ?? "", called, twilioParams(all))
  } catch {
    // It throws for what is no URL, when it has not been signed as it is.
    return false
  }
}

const spellingNames: ReadonlyArray<Spelling> = Object.keys(spellings).filter((key): key is Spelling => key in spellings)

const request = FastCheck.record({
  key: FastCheck.oneof({ arbitrary: FastCheck.constant(token), weight: 3 }, pick("", "ü", "x".repeat(65)), oddText),
  urls: FastCheck.array(url, { minLength: 1, maxLength: 3 }),
  at: FastCheck.nat(2),
  spelling: pick(...spellingNames),
  all: params,
  change: FastCheck.oneof(
    { arbitrary: FastCheck.constant(changes.none), weight: 4 },
    pick(...Object.values<(all: Params) => Params>(changes))
  ),
  mutate: FastCheck.oneof(
    { arbitrary: FastCheck.constant((signature: string): string | undefined => signature), weight: 6 },
    pick(...mutations)
  ),
  otherKey: FastCheck.oneof({ arbitrary: FastCheck.constant(false), weight: 12 }, FastCheck.constant(true))
})

describe("our check and Twilio's", () => {
  it(`agree on ${runs} requests`, async () => {
    const believed = new Map<Spelling, number>()
    const seen = { believed: 0, refused: 0 }
    const property = FastCheck.asyncProperty(
      request,
      async ({ all, at, change, key, mutate, otherKey, spelling, urls }) => {
        const called = urls[at % urls.length] ?? ""
        const signedUrl = spellings[spelling](called)
        const genuine = getExpectedTwilioSignature(otherKey ? `${key}x` : key, signedUrl, twilioParams(all))
        const proof = { token: key, signature: mutate(genuine), urls, params: change(all) }

        const theirs = urls.some((one) => twilioBelieves(key, proof.signature, one, proof.params))
        assert.strictEqual(verify(proof), theirs)

        if (theirs) {
          seen.believed += 1
          if (signedUrl !== called) believed.set(spelling, (believed.get(spelling) ?? 0) + 1)
        } else seen.refused += 1
        if ((seen.believed + seen.refused) % 100 === 0) await Effect.runPromise(breathe)
      }
    )
    await FastCheck.assert(property, { numRuns: runs })

    // What is generated is as varied as it is meant to be: both verdicts, and each way to sign another spelling.
    assert.isAbove(seen.believed, runs / 10)
    assert.isAbove(seen.refused, runs / 10)
    const others = ["withoutPort", "withHttpsPort", "withHttpPort", "normalized", "normalizedWithoutPort"] as const
    for (const spelling of [
      ...others,
      "normalizedWithPort",
      "legacy",
      "legacyWithoutPort",
      "legacyWithPort"
    ] as const) {
      assert.isAbove(believed.get(spelling) ?? 0, 10, spelling)
    }
  }, 60_000)
})
