/**
 * What opens the breaker that all processes share: these rows come last, since it concerns every request to mParticle.
 */
import { functions, privacyOf } from "../privacy.ts"
import { expect, expectSame, type Row, textOf } from "../Row.ts"
import type { Planted, World } from "../World.ts"
import { always, batonParts } from "./batonParts.ts"

const inTwoSeconds = (): string => new Date(Date.now() + 2_000).toUTCString()

/** The rows. */
export const breakerRows = (world: World): ReadonlyArray<Row> => {
  const privacy = privacyOf(world, "breaker")

  const { aws, errorOf, retryableOf, vendor } = batonParts(world, privacy)

  /** A pause that the caller can wait out: it goes through, and nobody else does meanwhile. */
  const waitsOut = (fault: string, plant: () => Planted): Row => ({
    fault,
    expected: "waited out and tried again under the same id: submitted, and one request at mParticle",
    run: async () => {
      const planted = plant()
      const { body } = await privacy.initiate(privacy.person())
      expect(planted.take() && body["status"] === "submitted", JSON.stringify(body))
      const id = textOf(body, "mparticleRequestId")
      await privacy.once(id, "submitted")
      return `submitted, ${privacy.calls(id).length} calls, one request`
    }
  })

  return [
    waitsOut("mParticle answers 429, Retry-After 1", () => vendor({ status: 429, headers: { "retry-after": "1" } })),
    waitsOut("mParticle answers 429, Retry-After a date", () =>
      vendor({ status: 429, headers: { "retry-after": inTwoSeconds() } })
    ),
    {
      fault: "mParticle asks to wait longer than Baton does (429, Retry-After 8)",
      expected: "queued at once; submitted from the queue, once",
      run: async () => {
        const planted = vendor({ status: 429, headers: { "retry-after": "8" } })
        const { body } = await privacy.initiate(privacy.person())
        await world.closeBreakers("mparticle-")
        expect(planted.take() && body["status"] === "queued", JSON.stringify(body))
        return async () => {
          await privacy.once(textOf(body, "mparticleRequestId"), "submitted")
          return "queued, then submitted, one request"
        }
      }
    },
    {
      fault: "mParticle is down for longer: five failures in a row",
      expected: "all queued; after the fifth without asking mParticle, in under a second; all submitted later",
      run: async () => {
        await world.closeBreakers("mparticle-")
        const planted = vendor({ status: 503 }, always)
        const ids: Array<string> = []
        const askedOf = (id: string): number => privacy.calls(id).filter(({ status }) => status === 503).length
        let asked = 0
        while (asked < 5 && ids.length < 5) {
          const { body } = await privacy.initiate(privacy.person())
          expectSame(body["status"], "queued", "the status")
          ids.push(textOf(body, "mparticleRequestId"))
          asked = ids.reduce((sum, id) => sum + askedOf(id), 0)
        }
        const began = performance.now()
        const { body } = await privacy.initiate(privacy.person())
        const tookMs = performance.now() - began
        planted.take()
        await world.closeBreakers("mparticle-")
        const last = textOf(body, "mparticleRequestId")
        expect(
          body["status"] === "queued" && askedOf(last) === 0 && tookMs < 1_000,
          `${askedOf(last)} calls, ${tookMs} ms`
        )
        return async () => {
          for (const id of [...ids, last]) await privacy.once(id, "submitted")
          return "queued; the last without a call, at once; all submitted, one request each"
        }
      }
    },
    {
      fault: "mParticle cannot take it, and SQS is down as well",
      expected: "SUBMISSION_FAILED, retryable; Baton's retry is submitted under the same id",
      run: async () => {
        const person = privacy.person()
        const planted = [
          vendor({ status: 429, headers: { "retry-after": "8" } }),
          aws("SendMessage", { error: "ServiceUnavailable", status: 503 }, always)
        ]
        const error = await errorOf(person)
        for (const one of planted) one.take()
        expectSame([error["code"], retryableOf(error)], ["SUBMISSION_FAILED", true], "the error")
        await world.closeBreakers("mparticle-")
        await privacy.once(await privacy.filed(person), "submitted")
        return "SUBMISSION_FAILED, retryable; then submitted, one request"
      }
    },
    {
      fault: "mParticle asks to wait, and a request comes over HTTP (429, Retry-After 30)",
      expected: "202 queued; submitted from the queue, once",
      run: async () => {
        const match = { method: "POST", path: "/v3/requests", function: functions.http }
        world.plant("mparticle", { match, fault: { status: 429, headers: { "retry-after": "30" } } })
        const reply = await privacy.submit()
        await world.closeBreakers("mparticle-")
        expectSame([reply.status, reply.body["status"]], [202, "queued"], "the answer")
        return async () => {
          await privacy.once(textOf(reply.body, "id"), "submitted")
          return "202 queued, then submitted, one request"
        }
      }
    },
    {
      fault: "the table of breaker states is down",
      expected: "each process goes on by itself: submitted",
      run: async () => {
        await world.closeBreakers("mparticle-")
        // The first read of a new process is its breaker's.
        const planted = [
          aws("GetItem", { error: "InternalServerError", status: 500 }, 2),
          aws("PutItem", { error: "ThrottlingException" }, always)
        ]
        const { body } = await privacy.initiate(privacy.person())
        expect(planted[0]?.take() === true && body["status"] === "submitted", JSON.stringify(body))
        await privacy.once(textOf(body, "mparticleRequestId"), "submitted")
        return "submitted, one request"
      }
    }
  ]
}
