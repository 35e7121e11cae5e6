import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { signedUrls } from "../../../src/services/Staging/SignedUrl.ts"

const domainName = "hooks.example.com"
const none = new Map<string, ReadonlyArray<string>>()

const withQuery = (...query: ReadonlyArray<readonly [string, ReadonlyArray<string>]>) =>
  signedUrls({ domainName, path: "/whatsapp", query: new Map(query) })

describe("signedUrls", () => {
  const calls = [
    [
      "row 1 row 19 the API's own domain, where the stage is part of the path",
      "a1b2c3d4e5.example.com",
      "/dev/whatsapp"
    ],
    ["row 5 a domain of one's own", "hooks.example.com", "/whatsapp"],
    ["row 5 a domain of one's own with a base path", "hooks.example.com", "/replies/whatsapp"]
  ] as const
  for (const [name, domainName, path] of calls) {
    it(name, () => {
      assert.deepStrictEqual(signedUrls({ domainName, path, query: none }), [`https://${domainName}${path}`])
    })
  }

  it("V4 writes the query in the order received", () => {
    const query = new Map([
      ["tenant", ["acme"]],
      ["env", ["dev"]]
    ])
    assert.deepStrictEqual(signedUrls({ domainName, path: "/replies/whatsapp", query }), [
      "https://hooks.example.com/replies/whatsapp?tenant=acme&env=dev"
    ])
  })

  it("writes spaces in both ways, and a plus only in one", () => {
    assert.deepStrictEqual(withQuery(["a b", ["c d", "1+1"]], ["e", ["f  g"]]), [
      "https://hooks.example.com/whatsapp?a%20b=c%20d&a%20b=1%2B1&e=f%20%20g",
      "https://hooks.example.com/whatsapp?a+b=c+d&a+b=1%2B1&e=f++g"
    ])
  })

  it("keeps every value of a name, empty ones too", () => {
    assert.deepStrictEqual(withQuery(["a", ["2", "", "1"]], ["b", [""]], ["", ["c"]]), [
      "https://hooks.example.com/whatsapp?a=2&a=&a=1&b=&=c"
    ])
  })

  it("has no question mark where there is nothing to ask", () => {
    assert.deepStrictEqual(withQuery(["a", []]), ["https://hooks.example.com/whatsapp"])
  })

  it("encodes what would end or split a query", () => {
    assert.deepStrictEqual(withQuery(["a&b", ["#x?y=z&%41"]], ["ü", ["😀"]]), [
      "https://hooks.example.com/whatsapp?a%26b=%23x%3Fy%3Dz%26%2541&%C3%BC=%F0%9F%98%80"
    ])
  })

  it("row 83 takes names that objects have of their own, and halves of characters", () => {
    assert.deepStrictEqual(withQuery(["__proto__", ["a"]], ["constructor", ["\ud800"]]), [
      "https://hooks.example.com/whatsapp?__proto__=a&constructor=%EF%BF%BD"
    ])
  })

  const bases = [
    ["https://public.example.com", "https://public.example.com/dev/whatsapp"],
    ["https://public.example.com/", "https://public.example.com/dev/whatsapp"],
    ["https://public.example.com:8443/in/twilio//", "https://public.example.com:8443/in/twilio/dev/whatsapp"],
    ["https://public.example.com/in?a=b#rc=3", "https://public.example.com/in/dev/whatsapp"],
    ["https://public.example.com/in/#rc=3&rp=5xx?", "https://public.example.com/in/dev/whatsapp"]
  ] as const
  for (const [publicBaseUrl, url] of bases) {
    it(`puts ${publicBaseUrl} in front of the path`, () => {
      assert.deepStrictEqual(signedUrls({ domainName, path: "/dev/whatsapp", query: none, publicBaseUrl }), [url])
      const query = new Map([["a", ["b"]]])
      assert.deepStrictEqual(signedUrls({ domainName, path: "/dev/whatsapp", query, publicBaseUrl }), [`${url}?a=b`])
    })
  }

  it("puts it in front of the path without the stage as well, which a proxy may hide", () => {
    const publicBaseUrl = "https://public.example.com/in"
    assert.deepStrictEqual(
      signedUrls({ domainName, path: "/dev/whatsapp", pathBelowStage: "/whatsapp", query: none, publicBaseUrl }),
      ["https://public.example.com/in/whatsapp", "https://public.example.com/in/dev/whatsapp"]
    )
  })

  it("reads back as what it was made of, and never twice the same", () => {
    const texts = FastCheck.oneof(
      FastCheck.string({ unit: "grapheme" }),
      FastCheck.constantFrom("", " ", "+", "%20", "a b", "#", "?", "&", "=", "__proto__", "'")
    )
    const entries = FastCheck.uniqueArray(
      FastCheck.tuple(texts, FastCheck.array(texts, { minLength: 1, maxLength: 3 })),
      {
        selector: ([name]) => name,
        maxLength: 5
      }
    )
    FastCheck.assert(
      FastCheck.property(entries, (all) => {
        const urls = withQuery(...all)
        assert.strictEqual(new Set(urls).size, urls.length)
        const expected = all.flatMap(([name, values]) => values.map((value) => [name, value]))
        for (const url of urls) {
          assert.deepStrictEqual([...new URL(url).searchParams], expected)
          assert.notInclude(url, "#")
        }
      }),
      { numRuns: 500 }
    )
  })
})
