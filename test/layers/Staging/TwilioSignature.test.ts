import { createHmac } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { getExpectedTwilioSignature } from "twilio/lib/webhooks/webhooks.js"
import { isWellFormed, verify } from "../../../src/layers/Staging/TwilioSignature.ts"
import { signedUrls } from "../../../src/services/Staging/SignedUrl.ts"
import {
  bodies,
  domainName,
  type Params,
  paramsOf,
  signatures,
  token,
  twilioParams
} from "../../support/twilioVectors.ts"

const none = new Map<string, ReadonlyArray<string>>()
const hook = `https://${domainName}/dev/whatsapp`

const signed = (params: Params, url = hook, key = token): string =>
  getExpectedTwilioSignature(key, url, twilioParams(params))

/** The signature by the contract's own words: what stands behind the URL is given, not computed. */
const signedText = (text: string, key = token): string =>
  createHmac("sha1", key)
    .update(hook + text)
    .digest("base64")

const accepts = (signature: string | undefined, params: Params, url = hook): boolean =>
  verify({ token, signature, urls: [url], params })

const wa = paramsOf(bodies.WA)

describe("the contract's vectors", () => {
  const vectors: ReadonlyArray<readonly [row: string, signature: string, body: string, ReadonlyArray<string>]> = [
    ["row 1 V1", signatures.V1, bodies.WA, signedUrls({ domainName, path: "/dev/whatsapp", query: none })],
    ["row 4 V2, signed with the port", signatures.V2, bodies.WA, [hook]],
    [
      "row 5 V3, on a domain of one's own",
      signatures.V3,
      bodies.WA,
      signedUrls({ domainName: "hooks.example.com", path: "/whatsapp", query: none })
    ],
    [
      "row 5 V4, with a base path and a query",
      signatures.V4,
      bodies.WA,
      signedUrls({
        domainName: "hooks.example.com",
        path: "/replies/whatsapp",
        query: new Map([
          ["tenant", ["acme"]],
          ["env", ["dev"]]
        ])
      })
    ],
    [
      "row 7 V5, with blank parameters",
      signed(paramsOf(bodies.SMS), `https://${domainName}/dev/sms`),
      bodies.SMS,
      signedUrls({ domainName, path: "/dev/sms", query: none })
    ],
    ["row 8 V6, with an empty text", signed(paramsOf(bodies.MEDIA)), bodies.MEDIA, [hook]],
    ["V7, with white space and other scripts", signed(paramsOf(bodies.UNI)), bodies.UNI, [hook]],
    ["row 10 V8, with names of either case", signed(paramsOf(bodies.ORD)), bodies.ORD, [hook]]
  ]
  for (const [name, signature, body, urls] of vectors) {
    it(name, () => {
      const params = paramsOf(body)
      assert.isTrue(isWellFormed(signature))
      assert.isTrue(verify({ token, signature, urls, params }))
      assert.isFalse(verify({ token: token.replace("0", "1"), signature, urls, params }))
      assert.isFalse(verify({ token, signature, urls: urls.map((url) => `${url}x`), params }))
      assert.isFalse(verify({ token, signature: signatures.V1.replace("n", "o"), urls, params }))
    })
  }
})

describe("what is signed", () => {
  it("row 8 row 17 a blank parameter by its name alone", () => {
    const params = paramsOf("B=&A=1&C=2")
    assert.isTrue(accepts(signedText("A1BC2"), params))
    assert.isFalse(accepts(signedText("A1C2"), params))
  })

  it("V7 values to the last blank, in UTF-8", () => {
    assert.isTrue(accepts(signedText("Body  2+2=4 & 50% £5 😀\n  "), new Map([["Body", ["  2+2=4 & 50% £5 😀\n  "]]])))
    assert.isFalse(accepts(signedText("Body2+2"), paramsOf("Body=+2%2B2")))
  })

  it("row 10 names sorted by code unit", () => {
    assert.isTrue(accepts(signedText("Z1_2a3é4\u{1f600}6\uffff5"), paramsOf("é=4&a=3&\uffff=5&😀=6&_=2&Z=1")))
  })

  it("each distinct value of a name once, sorted", () => {
    assert.isTrue(accepts(signedText("AAAaAb"), paramsOf("A=b&A=A&A=a&A=b&A=a")))
    assert.isTrue(accepts(signedText("AB1"), paramsOf("B=1&A=&A=")))
    assert.isTrue(
      accepts(
        signedText("B1"),
        new Map([
          ["B", ["1"]],
          ["A", []]
        ] as const)
      )
    )
  })

  it("row 83 names that objects have of their own", () => {
    const params = paramsOf("__proto__=polluted&constructor=c&toString=t&hasOwnProperty=&__proto__=again&7=n")
    assert.isTrue(accepts(signedText("7n__proto__again__proto__pollutedconstructorchasOwnPropertytoStringt"), params))
    assert.isTrue(accepts(signed(params), params))
    assert.isFalse(accepts(signed(paramsOf("constructor=c&toString=t&hasOwnProperty=&7=n")), params))
    assert.notProperty({}, "polluted")
  })

  it("nothing but the URL where there are no parameters", () => {
    assert.isTrue(accepts(signedText(""), none))
  })

  it("by a token of any length and script", () => {
    for (const key of ["", "ü😀", "x".repeat(64), "y".repeat(65), "ü".repeat(1_000)]) {
      const proof = { token: key, urls: [hook], params: wa }
      assert.isTrue(verify({ ...proof, signature: signed(wa, hook, key) }))
      assert.isFalse(verify({ ...proof, signature: signed(wa, hook, `${key}z`) }))
    }
  })
})

describe("row 16 row 17 what was changed after signing", () => {
  const changes: ReadonlyArray<readonly [change: string, body: string]> = [
    ["the text", bodies.WA.replace("Hello+there", "Hello+There")],
    ["a blank behind the text", bodies.WA.replace("Hello+there", "Hello+there+")],
    ["the sender", bodies.WA.replace("447700900001&ApiVersion", "447700900009&ApiVersion")],
    ["a parameter removed", bodies.WA.replace("&NumSegments=1", "")],
    ["a parameter added", `${bodies.WA}&Extra=1`],
    ["a blank parameter added", `${bodies.WA}&Extra=`],
    ["a second value added", `${bodies.WA}&Body=Hello`],
    ["a parameter renamed", bodies.WA.replace("WaId", "waId")]
  ]
  for (const [name, body] of changes) {
    it(name, () => {
      assert.notStrictEqual(body, bodies.WA)
      assert.isFalse(accepts(signatures.V1, paramsOf(body)))
    })
  }

  it("row 17 a blank one dropped", () => {
    const signature = signed(paramsOf(bodies.SMS))
    assert.isTrue(accepts(signature, paramsOf(bodies.SMS)))
    assert.isFalse(accepts(signature, paramsOf(bodies.SMS.replace("ToCity=&", ""))))
  })
})

describe("spellings of the URL", () => {
  const pairs: ReadonlyArray<readonly [signed: string, called: string]> = [
    ["https://h.example:443/p", "https://h.example/p"],
    ["https://h.example/p", "https://h.example:443/p"],
    ["https://h.example/p", "https://h.example:8443/p"],
    ["https://h.example:8443/p", "https://h.example:8443/p"],
    ["http://h.example:80/p", "http://h.example/p"],
    ["HTTPS://h.example:443/p", "HTTPS://h.example/p"],
    ["https://u:p@h.example:443/p", "https://u:p@h.example/p"],
    ["https://u:p@h.example/p", "https://u:p@h.example:8443/p"],
    ["https://[::1]:443/p", "https://[::1]/p"],
    ["https://[::1]/p", "https://[::1]:8443/p"],
    ["https://h.example:443?a=b", "https://h.example?a=b"],
    ["https://h.example/p?a=%27", "https://h.example/p?a='"],
    ["https://h.example:443/p?a=%27", "https://h.example/p?a='"],
    ["https://h.example/p?a='", "https://h.example/p?a=%27"],
    ["https://h.example:443/p?a='", "https://h.example/p?a=%27"],
    ["https://h.example/p?a=b%20c&d=", "https://h.example/p?a=b+c&d"],
    ["https://h.example/p%20q", "https://H.example/p q"],
    ["https://h.example/p?", "https://h.example/x/../p?"]
  ]
  for (const [url, called] of pairs) {
    it(`${url} for ${called}`, () => {
      assert.isTrue(accepts(signed(wa, url), wa, called))
    })
  }

  it("row 4 no other port, no other scheme", () => {
    assert.isFalse(accepts(signed(wa, "https://h.example:80/p"), wa, "https://h.example/p"))
    assert.isFalse(accepts(signed(wa, "https://h.example:443/p"), wa, "https://h.example:8443/p"))
    assert.isFalse(accepts(signed(wa, "http://h.example/p"), wa, "https://h.example/p"))
    assert.isFalse(accepts(signed(wa, "https://h.example/P"), wa, "https://h.example/p"))
  })

  it("any of several", () => {
    const urls = ["https://h.example/p?a=b%20c", "https://h.example/p?a=b+c", "https://other.example/q"]
    for (const url of urls) assert.isTrue(verify({ token, signature: signed(wa, url), urls, params: wa }))
    assert.isTrue(verify({ token, signature: signed(wa, "https://other.example:443/q"), urls, params: wa }))
    assert.isFalse(verify({ token, signature: signed(wa, "https://h.example/q"), urls, params: wa }))
  })

  it("none where there is none", () => {
    assert.isFalse(verify({ token, signature: signed(wa), urls: [], params: wa }))
  })

  const malformed = ["", "?", "nothing", "https://", "https://:443", "https://[::1", "https://a b/", "https://x:99999/"]
  for (const url of [...malformed, "//h/p", "https://xn--a/", "https://%/"]) {
    it(`one that is none: ${JSON.stringify(url)}`, () => {
      assert.isFalse(accepts(signatures.V1, wa, url))
      assert.isTrue(accepts(signed(wa, url), wa, url))
      assert.isTrue(verify({ token, signature: signatures.V1, urls: [url, hook], params: wa }))
    })
  }
})

describe("row 14 a signature's shape", () => {
  const shapeless: ReadonlyArray<readonly [what: string, signature: string | undefined]> = [
    ["none", undefined],
    ["empty", ""],
    ["of 19 bytes", Buffer.alloc(19).toString("base64")],
    ["of 21 bytes", Buffer.alloc(21).toString("base64")],
    ["without its padding", signatures.V1.slice(0, 27)],
    ["padded twice", `${signatures.V1.slice(0, 26)}==`],
    ["with something behind it", `${signatures.V1}\n`],
    ["with a blank in front", ` ${signatures.V1}`],
    ["with a blank inside", `${signatures.V1.slice(0, 9)} ${signatures.V1.slice(10)}`],
    ["in the alphabet of URLs", signatures.V1.replace("/", "_")],
    ["whose last bits stand for nothing", signatures.V1.replace("U=", "V=")],
    ["two of them in one header", `${signatures.V1}, ${signatures.V1}`],
    ["in other signs of as many units", "é".repeat(27) + "="],
    ["in hexadecimal", Buffer.from(signatures.V1, "base64").toString("hex")]
  ]
  for (const [what, signature] of shapeless) {
    it(what, () => {
      assert.isFalse(isWellFormed(signature))
      assert.isFalse(accepts(signature, wa))
    })
  }

  it("is right for any 20 bytes", () => {
    for (let byte = 0; byte < 256; byte += 1) assert.isTrue(isWellFormed(Buffer.alloc(20, byte).toString("base64")))
  })
})
