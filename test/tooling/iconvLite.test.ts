/** The stand-in for iconv-lite in the bundles, held against the real one for everything that the driver asks of it. */
import { createRequire } from "node:module"
import { assert, describe, it } from "vitest"
import * as standIn from "../../scripts/aliases/iconvLite.ts"

interface Iconv {
  readonly decode: (bytes: Uint8Array, encoding: string) => string
  readonly encode: (text: string, encoding: string) => Buffer
  readonly getDecoder: (encoding: string) => { write: (bytes: Uint8Array) => string; end: () => string | undefined }
}

const require = createRequire(import.meta.url)
const real = require("iconv-lite") as Iconv
const { codepageByLanguageId, codepageBySortId } = require("tedious/lib/collation.js") as Readonly<
  Record<"codepageByLanguageId" | "codepageBySortId", Readonly<Record<number, string>>>
>

/** The code pages of all collations of SQL Server, as the driver names them. */
const codePages = [...new Set([...Object.values(codepageByLanguageId), ...Object.values(codepageBySortId)])].toSorted()

const multiByte = new Set(["CP932", "CP936", "CP949", "CP950"])

/** C1 controls and the private use area: what code pages do not define, and everybody fills in another way. */
const isUndefined = (text: string): boolean => text === "\uFFFD" || /^[\u0080-\u009f\uE000-\uF8FF]$/.test(text)

describe("the stand-in for iconv-lite", () => {
  it("knows every code page of the driver's collations", () => {
    assert.isAbove(codePages.length, 10)
    for (const page of codePages) assert.strictEqual(standIn.decode(Buffer.from("Acme 1"), page), "Acme 1", page)
  })

  for (const page of codePages.filter((one) => !multiByte.has(one))) {
    it(`reads every byte of ${page} as the real one does`, () => {
      for (let byte = 0; byte < 256; byte += 1) {
        const expected = real.decode(Buffer.of(byte), page)
        if (isUndefined(expected)) continue
        assert.strictEqual(standIn.decode(Buffer.of(byte), page), expected, `0x${byte.toString(16)}`)
      }
    })
  }

  for (const [page, text] of [
    ["CP932", "株式会社 アクメ ｱｸﾒ ～"],
    ["CP936", "测试有限公司 上海"],
    ["CP949", "주식회사 테스트"],
    ["CP950", "測試有限公司 臺北"]
  ] as const) {
    it(`reads names in ${page}`, () => {
      assert.strictEqual(standIn.decode(real.encode(text, page), page), text)
    })
  }

  it("reads a name in CP1252 that comes in pieces and as a whole", () => {
    const name = "Café Zürich – “Ñandú” €"
    const bytes = real.encode(name, "CP1252")
    assert.strictEqual(standIn.decode(bytes, "CP1252"), name)
    assert.strictEqual(standIn.getDecoder("CP1252").write(bytes), name)
    assert.strictEqual(standIn.default.decode(bytes, "cp1252"), name)
  })

  it("reads and writes Unicode, with a mark as what it is", () => {
    for (const encoding of ["utf8", "utf-8", "ucs2", "utf-16le"]) {
      const bytes = standIn.encode("Héllo 🙂", encoding)
      assert.deepStrictEqual(bytes, real.encode("Héllo 🙂", encoding))
      assert.strictEqual(standIn.decode(bytes, encoding), "Héllo 🙂")
      assert.deepStrictEqual(standIn.getEncoder(encoding).write("é"), real.encode("é", encoding))
    }
    assert.strictEqual(standIn.decode(Buffer.from("greeting"), "cesu8"), real.decode(Buffer.from("greeting"), "cesu8"))
    assert.isUndefined(standIn.getDecoder("utf8").end())
    assert.isUndefined(standIn.getEncoder("utf8").end())
  })

  it("refuses what it does not know, and to write a code page", () => {
    assert.throws(() => standIn.decode(Buffer.of(1), "KLINGON"), /built without the encoding KLINGON/)
    assert.throws(() => standIn.encode("é", "CP1252"), /built without the encoding CP1252/)
  })
})
