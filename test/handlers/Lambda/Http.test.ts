import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type HttpAnswer, http, requestFrom, soleHeader } from "../../../src/handlers/Lambda/Http.ts"
import type { ApiGatewayEvent, ApiGatewayResult } from "../../../src/schemas/LambdaEvent.ts"
import { Correlation } from "../../../src/services/Correlation.ts"

const event = (parts: Partial<ApiGatewayEvent>): ApiGatewayEvent => ({
  httpMethod: "post",
  path: "/events",
  body: null,
  requestContext: { path: "/dev/events", domainName: "api.example.com", stage: "dev", requestId: "gw-1" },
  ...parts
})

const invocation = () => {
  const answers: Array<ApiGatewayResult> = []
  return { answers, requestId: "r-1", answerAtDeadline: (answer: ApiGatewayResult) => void answers.push(answer) }
}

describe("an API Gateway request", () => {
  it("finds headers in any case, several values in the order sent", () => {
    const request = requestFrom(
      event({
        headers: { "X-Signature": "last" },
        multiValueHeaders: { "X-Signature": ["first", "last"], "x-one": ["1"] }
      }),
      "r-1"
    )
    assert.deepStrictEqual(request.headers.get("x-signature"), ["first", "last"])
    assert.strictEqual(soleHeader(request, "x-one"), "1")
    assert.isUndefined(soleHeader(request, "x-signature"))
    assert.isUndefined(soleHeader(request, "x-none"))
    assert.strictEqual(request.method, "POST")
    assert.strictEqual(request.requestPath, "/dev/events")
  })

  it("joins one header sent in two cases", () => {
    const request = requestFrom(event({ multiValueHeaders: { "X-A": ["1"], "x-a": ["2"] } }), "r-1")
    assert.deepStrictEqual(request.headers.get("x-a"), ["1", "2"])
  })

  it("takes the single-value map where there is no other, and null where the console sends null", () => {
    const request = requestFrom(
      event({ headers: { A: "1" }, multiValueHeaders: null, queryStringParameters: null }),
      "r-1"
    )
    assert.strictEqual(soleHeader(request, "a"), "1")
    assert.strictEqual(request.query.size, 0)
  })

  it("gives the bytes of a body, base64 or not", () => {
    const bytes = Buffer.from([0, 255, 10, 200])
    const binary = requestFrom(event({ body: bytes.toString("base64"), isBase64Encoded: true }), "r-1")
    assert.deepStrictEqual(Buffer.from(binary.body), bytes)
    assert.strictEqual(Buffer.from(requestFrom(event({ body: "né" }), "r-1").body).toString("utf8"), "né")
  })

  it.effect("H-19 answers with a string body, a numeric status, the request id and the correlation id", () =>
    Effect.gen(function* () {
      const run = http({
        handle: () => Effect.map(Correlation, (id): HttpAnswer => ({ status: 201, body: id })),
        atDeadline: () => Effect.succeed({ status: 504, body: "{}" })
      })
      const seen = invocation()
      const answer = yield* run(event({ headers: { "X-Correlation-Id": "c-1" } }), seen)
      assert.deepStrictEqual(answer, {
        statusCode: 201,
        headers: { "content-type": "application/json", "x-correlation-id": "c-1", "x-request-id": "gw-1" },
        body: "c-1"
      })
      assert.strictEqual(seen.answers[0]?.statusCode, 504)
    })
  )

  it.effect("makes a correlation id where none was sent", () =>
    Effect.gen(function* () {
      const run = http({
        handle: () => Effect.map(Correlation, (id): HttpAnswer => ({ status: 200, body: id })),
        atDeadline: () => Effect.succeed({ status: 504, body: "{}" })
      })
      const answer = yield* run(event({}), invocation())
      assert.match(answer.body, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      assert.strictEqual(answer.headers["x-correlation-id"], answer.body)
    })
  )
})
