/** What may go wrong between Baton, the record and mParticle, and what has to come of it. */
import { functions, privacyOf } from "../privacy.ts"
import { expect, expectSame, type Row, textOf } from "../Row.ts"
import type { Item, Planted, World } from "../World.ts"
import { always, batonParts } from "./batonParts.ts"

const { baton } = functions

/** mParticle's own page when it is being worked on. */
const page = { headers: { "content-type": "text/html" }, body: "<html><body>Service Unavailable</body></html>" }

/** The rows. */
export const batonRows = (world: World): ReadonlyArray<Row> => {
  const privacy = privacyOf(world, "baton")

  const { aws, errorOf, retryableOf, vendor } = batonParts(world, privacy)

  /** A fault that passes: the answer is a success, and mParticle has one request. */
  const passes = (fault: string, plant: () => Planted, isCold = false): Row => ({
    fault,
    expected: "tried again under the same id: submitted, and one request at mParticle",
    run: async () => {
      if (isCold) await world.cold(baton)
      const planted = plant()
      const { body } = await privacy.initiate(privacy.person())
      const hasHappened = planted.take()
      expect(hasHappened && body["status"] === "submitted", `${String(hasHappened)}, ${JSON.stringify(body)}`)
      const id = textOf(body, "mparticleRequestId")
      await privacy.once(id, "submitted")
      return `submitted, ${privacy.calls(id).length} calls, one request`
    }
  })

  /** A fault that does not pass: an error of this code, and nothing on its way. */
  const refuses = (fault: string, plant: () => Planted, code: string, isRetryable: boolean, isCold = false): Row => ({
    fault,
    expected: `${code}, ${isRetryable ? "" : "not "}retryable; the same call later is submitted once`,
    run: async () => {
      if (isCold) await world.cold(baton)
      const person = privacy.person()
      const planted = plant()
      const error = await errorOf(person)
      planted.take()
      expectSame([error["code"], retryableOf(error)], [code, isRetryable], "the error")
      await world.cold(baton)
      const id = await privacy.filed(person)
      await privacy.once(id, "submitted")
      return `${code}, ${isRetryable ? "" : "not "}retryable; then submitted, one request`
    }
  })

  return [
    passes("mParticle does not answer in time", () => vendor({ delayMs: 1_500 })),
    passes("the connection to mParticle is cut before the request is taken", () => vendor({ reset: true })),
    passes("mParticle takes the request, and its answer is lost", () => vendor({ commitThenReset: true })),
    passes("mParticle takes the request, and its answer is cut short", () => vendor({ truncate: 10 })),
    passes("mParticle answers 200 with something that is no JSON", () => vendor({ status: 200, body: "{not json" })),
    passes("mParticle answers 503 with a page", () => vendor({ status: 503, ...page })),
    passes("mParticle answers 500", () => vendor({ status: 500 })),
    passes("mParticle refuses the credentials once (rotated)", () => vendor({ status: 401 })),
    refuses("mParticle refuses the credentials for good", () => vendor({ status: 401 }, 2), "SUBMISSION_FAILED", false),
    {
      fault: "mParticle refuses the request (400)",
      expected:
        "SUBMISSION_FAILED, not retryable, and failed; the same call later is answered the same, and sends nothing",
      run: async () => {
        const person = privacy.person()
        const planted = vendor({ status: 400 })
        const first = await errorOf(person)
        expect(planted.take(), "it did not happen")
        expectSame([first["code"], retryableOf(first)], ["SUBMISSION_FAILED", false], "the error")
        expectSame(await errorOf(person), first, "the later answer")
        const id = textOf(first["details"] as Item, "requestId")
        expectSame((await privacy.recordOf(id))["status"], "failed", "the record's status")
        expectSame(privacy.calls(id).length, 1, "calls")
        return "SUBMISSION_FAILED, not retryable, failed; then the same again, one call"
      }
    },
    {
      fault: "mParticle redirects (301)",
      expected: "not followed; tried again under the same id: submitted, and one request at mParticle",
      run: async () => {
        const elsewhere = "/v3/elsewhere"
        const planted = vendor({ status: 301, headers: { location: elsewhere } })
        const { body } = await privacy.initiate(privacy.person())
        expect(planted.take() && body["status"] === "submitted", `it was answered ${JSON.stringify(body)}`)
        expect(!world.journal("mparticle").some(({ path }) => path === elsewhere), "the redirect was followed")
        const id = textOf(body, "mparticleRequestId")
        await privacy.once(id, "submitted")
        return `submitted, ${privacy.calls(id).length} calls, one request`
      }
    },
    passes("DynamoDB is throttled at the claim", () =>
      aws("TransactWriteItems", { error: "ProvisionedThroughputExceededException" })
    ),
    passes("DynamoDB fails inside (500) at the claim", () =>
      aws("TransactWriteItems", { error: "InternalServerError", status: 500 })
    ),
    passes("two transactions meet at the claim", () =>
      aws("TransactWriteItems", { error: "TransactionInProgressException" })
    ),
    passes("DynamoDB is not authorised: the session has expired", () =>
      aws("TransactWriteItems", { error: "ExpiredTokenException" })
    ),
    passes("the claim is written, and its answer is lost", () => aws("TransactWriteItems", { commitThenReset: true })),
    passes("the connection to DynamoDB is cut", () => aws("TransactWriteItems", { reset: true })),
    passes("DynamoDB's answer is cut short", () => aws("TransactWriteItems", { truncate: 5 })),
    refuses(
      "DynamoDB is down",
      () => aws("TransactWriteItems|GetItem|PutItem", { error: "InternalServerError", status: 500 }, always),
      "DATABASE_ERROR",
      true
    ),
    passes(
      "a new process finds the Parameter Store throttled",
      () => aws("GetParameters?", { error: "ThrottlingException" }),
      true
    ),
    {
      fault: "a new process finds the Parameter Store down",
      expected: "a retryable error, nothing sent; the failure is not kept: the next call is submitted",
      run: async () => {
        await world.cold(baton)
        const person = privacy.person()
        const planted = aws("GetParameters?", { error: "InternalServerError", status: 500 }, always)
        const error = await errorOf(person)
        planted.take()
        const id = await privacy.filed(person)
        await privacy.once(id, "submitted")
        return `${textOf(error, "code")}, retryable ${String(retryableOf(error))}; then submitted`
      }
    },
    {
      fault: "DynamoDB is throttled after mParticle took the request",
      expected: "success; the record follows from the queue, and mParticle is not asked twice",
      run: async () => {
        const person = privacy.person()
        const passed = aws("TransactWriteItems", { delayMs: 0 })
        const planted = aws("TransactWriteItems|UpdateItem", { error: "ThrottlingException" }, always)
        const { body } = await privacy.initiate(person)
        planted.take()
        expect(passed.take() && body["success"] === true, JSON.stringify(body))
        return async () => {
          await privacy.once(textOf(body, "mparticleRequestId"), "submitted")
          return `success, ${textOf(body, "status")}; on record as submitted, one request`
        }
      }
    },
    {
      fault: "twenty calls with one correlation id at the same time",
      expected: "one request, twenty times the same answer",
      run: async () => {
        const person = privacy.person()
        const answers = await Promise.all(Array.from({ length: 20 }, () => privacy.initiate(person)))
        const ids = new Set(answers.map(({ body }) => textOf(body, "mparticleRequestId")))
        expectSame(ids.size, 1, "different ids")
        const [id = ""] = ids
        await privacy.once(id, "submitted")
        return "one id, one request"
      }
    },
    {
      fault: "the same correlation id with another person",
      expected: "IDEMPOTENCY_CONFLICT, not retryable; nothing is sent",
      run: async () => {
        const first = privacy.person()
        await privacy.filed(first)
        const other = privacy.person({ correlationId: first.correlationId })
        const error = await errorOf(other)
        expectSame([error["code"], retryableOf(error)], ["IDEMPOTENCY_CONFLICT", false], "the error")
        expect(!world.journal("mparticle").some(({ body }) => body.includes(other.identityId)), "it was sent")
        return "IDEMPOTENCY_CONFLICT, nothing sent"
      }
    },
    {
      fault: "two workflows for one person at the same time",
      expected: "one active request, whose id both are answered",
      run: async () => {
        const first = privacy.person()
        const second = { ...first, correlationId: `${first.correlationId}-too` }
        const [one, two] = await Promise.all([privacy.filed(first), privacy.filed(second)])
        expectSame(one, two, "the ids")
        await privacy.once(one, "submitted")
        return "one id, one request"
      }
    },
    {
      fault: "Lambda is throttled (TooManyRequestsException)",
      expected: "refused before anything is done; the retry is submitted",
      run: async () => {
        const planted = world.plant("lambda", {
          match: { function: baton },
          fault: { error: "TooManyRequestsException" }
        })
        const person = privacy.person()
        const refused = await privacy.initiate(person).then(
          () => "",
          (error: unknown) => (error instanceof Error ? error.name : "")
        )
        expect(planted.take() && refused === "TooManyRequestsException", `it was refused as ${refused}`)
        await privacy.once(await privacy.filed(person), "submitted")
        return "TooManyRequestsException, then submitted"
      }
    },
    {
      fault: "the status is asked for while mParticle is down",
      expected: "answered from the record",
      run: async () => {
        const id = await privacy.filed(privacy.person())
        await new Promise((resolve) => setTimeout(resolve, 200))
        const planted = world.plant("mparticle", {
          match: { method: "GET", function: baton },
          times: 4,
          fault: { status: 503 }
        })
        const { body } = await privacy.status(id)
        planted.take()
        await world.cold(baton)
        expect(body["success"] === true && body["status"] === "submitted", JSON.stringify(body))
        return "submitted, from the record"
      }
    },
    {
      fault: "an id that nobody has, and one that is none",
      expected: "REQUEST_NOT_FOUND and VALIDATION_ERROR, as answers",
      run: async () => {
        const codes = await Promise.all(
          ["00000000-0000-4000-8000-000000000000", "../x'; DROP"].map(async (id) => {
            const { body, functionError } = await privacy.status(id)
            expect(functionError === undefined, "the invocation failed")
            return textOf((body["error"] ?? {}) as Readonly<Record<string, unknown>>, "code")
          })
        )
        expectSame(codes, ["REQUEST_NOT_FOUND", "VALIDATION_ERROR"], "the codes")
        return codes.join(" and ")
      }
    }
  ]
}
