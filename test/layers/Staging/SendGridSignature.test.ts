import { createSign, generateKeyPairSync, type KeyObject } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { readKey, verify } from "../../../src/layers/Staging/SendGridSignature.ts"

const toleranceMillis = 300_000
const nowMillis = 1_700_000_000_500
const timestamp = "1700000000"
const body = Buffer.from('{"from_address":"user@example.com","body":"naïve 😀"}\r\n')

interface Keys {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

const ec = (namedCurve: string): Keys => generateKeyPairSync("ec", { namedCurve })
const ours = ec("prime256v1")
const spki = (key: KeyObject): string => key.export({ format: "der", type: "spki" }).toString("base64")

const sign = (
  signedBody: Uint8Array = body,
  { at = timestamp, by = ours.privateKey, hash = "SHA256" }: { at?: string; by?: KeyObject; hash?: string } = {}
): string => createSign(hash).update(at).update(signedBody).sign(by, "base64")

const proof = { publicKey: ours.publicKey, signature: sign(), timestamp, body, nowMillis, toleranceMillis }

describe("SendGrid's signature", () => {
  it("is believed over the time of sending and the raw body, by the key as it is kept", () => {
    const publicKey = readKey(spki(ours.publicKey))
    assert.isDefined(publicKey)
    assert.isTrue(verify({ ...proof, publicKey }))
  })

  it("is believed for an empty body, and for one that is no text", () => {
    for (const odd of [new Uint8Array(), Uint8Array.of(0, 255, 254, 128), Buffer.alloc(300_000, 7)]) {
      assert.isTrue(verify({ ...proof, body: odd, signature: sign(odd) }))
    }
  })

  it("is one of many that are all right", () => {
    for (let run = 0; run < 200; run += 1) assert.isTrue(verify({ ...proof, signature: sign() }))
  })

  it("row 16 is not believed for another body or time of sending", () => {
    const bodies = [body.subarray(1), body.subarray(0, -2), Buffer.from(`${body.toString()} `), new Uint8Array()]
    for (const other of bodies) assert.isFalse(verify({ ...proof, body: other }))
    assert.isFalse(verify({ ...proof, timestamp: "1700000001" }))
    assert.isFalse(verify({ ...proof, timestamp: "170000000", body: Buffer.concat([Buffer.from("0"), body]) }))
  })

  it("is not believed by another key, over another hash, or without the time", () => {
    assert.isFalse(verify({ ...proof, publicKey: ec("prime256v1").publicKey }))
    assert.isFalse(verify({ ...proof, signature: sign(body, { hash: "SHA384" }) }))
    assert.isFalse(verify({ ...proof, signature: sign(body, { at: "" }) }))
  })

  const der = Buffer.from(proof.signature, "base64")
  const malformed: ReadonlyArray<readonly [what: string, signature: string | undefined]> = [
    ["none", undefined],
    ["empty", ""],
    ["no base64", "!".repeat(96)],
    ["base64 of something else", Buffer.from("hello").toString("base64")],
    ["cut short", der.subarray(0, -1).toString("base64")],
    ["followed by something", Buffer.concat([der, Buffer.of(0)]).toString("base64")],
    ["with a blank in front", ` ${proof.signature}`],
    ["with a line's end", `${proof.signature}\n`],
    ["too long for two numbers", Buffer.alloc(73, 48).toString("base64")],
    ["of two zeros", Buffer.of(0x30, 6, 2, 1, 0, 2, 1, 0).toString("base64")],
    ["of two bare numbers", sign(body).replace(/./g, "A").slice(0, 84)],
    ["a whole book", "A".repeat(1_000_000)],
    ["in the alphabet of URLs", Buffer.alloc(70, 255).toString("base64url")]
  ]
  for (const [what, signature] of malformed) {
    it(`that is ${what} is refused`, () => assert.isFalse(verify({ ...proof, signature })))
  }

  it("is refused without its padding", () => {
    let signature = sign()
    while (!signature.endsWith("=")) signature = sign()
    assert.isTrue(verify({ ...proof, signature }))
    assert.isFalse(verify({ ...proof, signature: signature.replace(/=+$/, "") }))
  })

  it("is refused whatever else stands in its place", () => {
    const header = FastCheck.oneof(
      FastCheck.string({ maxLength: 120 }),
      FastCheck.base64String({ maxLength: 100 }),
      FastCheck.tuple(FastCheck.nat(der.length - 1), FastCheck.integer({ min: 1, max: 255 })).map(([at, flip]) =>
        Buffer.from(der.map((byte, index) => (index === at ? byte ^ flip : byte))).toString("base64")
      )
    )
    FastCheck.assert(
      FastCheck.property(header, (signature) => assert.isFalse(verify({ ...proof, signature }))),
      { numRuns: 2_000 }
    )
  })
})

describe("the time of sending", () => {
  const at = (second: number, tolerance = toleranceMillis): boolean => {
    const text = String(second)
    const signature = sign(body, { at: text })
    return verify({ ...proof, nowMillis: 1_700_000_000_000, toleranceMillis: tolerance, timestamp: text, signature })
  }

  it("may be five minutes off, either way", () => {
    assert.isTrue(at(1_700_000_000 - 300))
    assert.isTrue(at(1_700_000_000 + 300))
    assert.isFalse(at(1_700_000_000 - 301))
    assert.isFalse(at(1_700_000_000 + 301))
    const late = { ...proof, nowMillis: 1_700_000_300_001 }
    assert.isFalse(verify(late))
    assert.isTrue(verify({ ...late, nowMillis: 1_700_000_300_000 }))
  })

  it("is held against the tolerance that is given", () => {
    assert.isTrue(at(1_700_000_000, 0))
    assert.isFalse(at(1_700_000_001, 999))
    assert.isFalse(at(1_700_000_000, -1))
    assert.isFalse(at(1_700_000_000, Number.NaN))
    assert.isFalse(verify({ ...proof, nowMillis: Number.NaN }))
  })

  const malformed = ["", " ", "now", "1700000000 ", " 1700000000", "+1700000000", "-1", "01700000000", "1700000000.0"]
  for (const text of [...malformed, "1.7e9", "0x6553f100", "1700000000\n", "١٧٠٠٠٠٠٠٠٠", "9".repeat(400), undefined]) {
    it(`is digits alone, not ${JSON.stringify(text)?.slice(0, 40)}`, () => {
      const signature = sign(body, { at: text ?? "" })
      assert.isFalse(verify({ ...proof, signature, timestamp: text, toleranceMillis: Number.MAX_VALUE }))
    })
  }

  it("may be the epoch itself", () => {
    assert.isTrue(verify({ ...proof, nowMillis: 0, timestamp: "0", signature: sign(body, { at: "0" }) }))
  })
})

describe("the key", () => {
  it("is read as it is kept", () => {
    const key = readKey(spki(ours.publicKey))
    assert.isTrue(key?.equals(ours.publicKey))
  })

  const text = spki(ours.publicKey)
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 })
  const ed25519 = generateKeyPairSync("ed25519")
  const unsuitable: ReadonlyArray<readonly [what: string, text: string]> = [
    ["nothing", ""],
    ["the placeholder of a new secret", "PLEASE_UPDATE"],
    ["no base64", "***"],
    ["base64 of something else", Buffer.from("hello").toString("base64")],
    ["cut short", Buffer.from(text, "base64").subarray(0, -1).toString("base64")],
    ["without its padding", text.replace(/=+$/, "")],
    ["in PEM", ours.publicKey.export({ format: "pem", type: "spki" }).toString()],
    ["a private key", ours.privateKey.export({ format: "der", type: "pkcs8" }).toString("base64")],
    ["on P-384", spki(ec("secp384r1").publicKey)],
    ["on Bitcoin's curve", spki(ec("secp256k1").publicKey)],
    ["of RSA", spki(rsa.publicKey)],
    ["on Edwards's curve", spki(ed25519.publicKey)],
    ["a point off the curve", Buffer.from(Buffer.from(text, "base64").fill(1, 40)).toString("base64")]
  ]
  for (const [what, given] of unsuitable) {
    it(`is none when it is ${what}`, () => assert.isUndefined(readKey(given)))
  }

  it("is none however it is garbled", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.oneof(FastCheck.string(), FastCheck.base64String()), (given) =>
        assert.isUndefined(readKey(given))
      ),
      { numRuns: 500 }
    )
  })

  const others: ReadonlyArray<readonly [what: string, keys: Keys]> = [
    ["on P-384", ec("secp384r1")],
    ["on Bitcoin's curve", ec("secp256k1")],
    ["of RSA", rsa]
  ]
  for (const [what, { privateKey, publicKey }] of others) {
    it(`${what} proves nothing, though it signed`, () => {
      assert.isFalse(verify({ ...proof, publicKey, signature: sign(body, { by: privateKey }) }))
    })
  }

  it("is a public one", () => assert.isFalse(verify({ ...proof, publicKey: ours.privateKey })))
})
