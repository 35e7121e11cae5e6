/** What the API answers, and what of it is kept: the very bytes, or nothing (contract Decision 3, B2.9, B2.10, B2.27). */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { isJson } from "../../../src/layers/DexArchive/responseBody.ts"
import { acme, run, worldAt } from "../../support/dexWorld.ts"

const key = "trigger/12345/12345_trigger_20241127.json"

/** What becomes of a body. */
const kept = (body: string | Buffer | null, contentType = "application/json", status = 200) =>
  Effect.gen(function* () {
    const world = yield* worldAt({ clients: [acme] })
    world.trigger = () => new Response(body, { status, headers: { "content-type": contentType } })
    const { errors } = yield* run(world)
    // An answer is an answer: none of these is asked for twice.
    assert.lengthOf(world.calls, 1)
    const bytes = world.objects.get(key)
    return bytes === undefined ? errors.map(({ error }) => error).join() : Buffer.from(bytes)
  })

const utf16 = (text: string, marked: boolean) => Buffer.from((marked ? "\uFEFF" : "") + text, "utf16le")

describe("a body that is kept", () => {
  const bodies: Readonly<Record<string, readonly [body: string | Buffer, contentType?: string]>> = {
    "DEX-19 {}": ["{}"],
    "DEX-19 []": ["[]"],
    "DEX-20 null": ["null"],
    "DEX-22 numbers that no double holds, trailing zeros and a key that is there twice": [
      '{"id":9007199254740993,"rate":1.0,"huge":1e400,"a":1,"a":2}'
    ],
    "DEX-23 é and an emoji": ['{"message":"Héllo 🙂 \\u00e9"}'],
    "whitespace around it": [" \r\n\t[1]\n"],
    "a mark in front": [Buffer.concat([Buffer.from("\uFEFF"), Buffer.from("{}")])],
    "a mark that knows better than the header": [Buffer.from("\uFEFF{}"), "application/json; charset=utf-16le"],
    "UTF-16 by its mark": [utf16('{"é":1}', true)],
    "UTF-16 by its header": [utf16('{"é":1}', false), 'application/json; charset="UTF-16LE"'],
    "Latin-1 by its header": [Buffer.from('{"é":1}', "latin1"), "application/json;charset=iso-8859-1"],
    "another type": ['{"a":1}', "text/plain"],
    "no type": ["true", ""],
    "a deep one": [`${"[".repeat(5_000)}${"]".repeat(5_000)}`],
    "status 201": ["{}"]
  }
  for (const [name, [body, contentType]] of Object.entries(bodies)) {
    it.effect(`${name}: as it came`, () =>
      Effect.gen(function* () {
        const bytes = yield* kept(body, contentType, name === "status 201" ? 201 : 200)
        assert.isTrue(Buffer.isBuffer(bytes) && bytes.equals(Buffer.from(body)), String(bytes))
      })
    )
  }

  it.effect("DEX-23 means what the original's copy of it means", () =>
    Effect.gen(function* () {
      const original = '{\n  "id": "sample-1",\n  "payload": {\n    "message": "H\\u00e9llo",\n    "index": 1\n  }\n}'
      const bytes = yield* kept('{"id":"sample-1","payload":{"message":"Héllo","index":1}}')
      assert.deepStrictEqual(JSON.parse(String(bytes)), JSON.parse(original))
    })
  )
})

describe("a body that is not kept", () => {
  const empty = "Empty response"
  const failed = "Failed to fetch trigger data from API"
  const bodies: Readonly<Record<string, readonly [body: string | Buffer, error: string, contentType?: string]>> = {
    nothing: ["", empty],
    whitespace: [" \r\n\t ", empty],
    "DEX-27 a page in HTML": ["<!DOCTYPE html><p>Sign in</p>", failed, "text/html"],
    "half of a document": ['{"a":', failed],
    "two documents": ["{}{}", failed],
    "bytes that are no UTF-8": [Buffer.from([0x22, 0xff, 0x22]), failed],
    "Latin-1 without a word of it": [Buffer.from('"é"', "latin1"), failed],
    "a character set that nobody knows": ["{}", failed, "application/json; charset=klingon"],
    NaN: ["NaN", failed]
  }
  for (const [name, [body, error, contentType]] of Object.entries(bodies)) {
    it.effect(`${name}: ${error}`, () =>
      Effect.map(kept(body, contentType), (found) => assert.strictEqual(found, error))
    )
  }

  it.effect("204: Empty response", () => Effect.map(kept(null, "", 204), (found) => assert.strictEqual(found, empty)))

  for (const status of [301, 302, 307, 308]) {
    it.effect(`DEX-27 a redirect (${status}) is not followed`, () =>
      Effect.map(kept("{}", "application/json", status), (found) => assert.strictEqual(found, failed))
    )
  }
})

describe("what is JSON", () => {
  it("is what JSON.parse takes, of any text", () => {
    const parses = (text: string) => {
      try {
        JSON.parse(text)
        return true
      } catch {
        return false
      }
    }
    FastCheck.assert(
      FastCheck.property(FastCheck.oneof(FastCheck.json(), FastCheck.string({ unit: "grapheme" })), (text) => {
        const bytes = new TextEncoder().encode(text)
        assert.strictEqual(isJson(bytes, "application/json"), parses(text))
      })
    )
  })
})
