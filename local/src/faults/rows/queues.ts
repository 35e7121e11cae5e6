/** What may go wrong behind the queues: the fallback queue's requests and the deletion queue's people. */
import { functions, privacyOf } from "../privacy.ts"
import { expect, expectSame, type Row } from "../Row.ts"
import { eventually, type Planted, type World } from "../World.ts"

const { deletion, retry } = functions
const bulk = "/userprofile/bulkdelete"
const braze = "/braze/users/delete"

/** Whoever sends what was not sent: the queue's function, or the reconciliation when that comes first. */
const sender = `${retry}|${functions.reconcile}`

/** What the fallback queue carries of a request. */
const fallbackMessage = (requestId: string): string =>
  JSON.stringify({
    type: "DSR_RETRY",
    schemaVersion: 1,
    payload: { requestId },
    originalError: { code: "MPARTICLE_API_ERROR", status: 503 },
    correlationId: "faults",
    firstFailedAt: new Date().toISOString(),
    attempt: 1
  })

/** The rows of the fallback queue. */
export const fallbackRows = (world: World): ReadonlyArray<Row> => {
  const privacy = privacyOf(world, "queued")

  /** A request whose process died after the claim: it is on record, and nobody has sent it. */
  const waiting = async (): Promise<string> => {
    const person = privacy.person()
    const match = { operation: "TransactWriteItems", function: functions.baton }
    world.plant("aws", { match, fault: { commitThenKill: true } })
    const { functionError } = await privacy.initiate(person)
    expect(functionError !== undefined, "the process was not killed")
    const { requestId } = await world.item("correlation", { correlationId: person.correlationId })
    return String(requestId)
  }

  const delivered = (fault: string, plant: () => Planted): Row => ({
    fault,
    expected: "the message comes again: submitted, one request at mParticle",
    run: async () => {
      const id = await waiting()
      const planted = plant()
      await world.queues.send("fallback", fallbackMessage(id))
      await privacy.once(id, "submitted")
      expect(planted.take(), "it did not happen")
      return "submitted, one request"
    }
  })

  const aws = (operation: string, fault: object): Planted =>
    world.plant("aws", { match: { operation, function: sender }, fault })
  const vendor = (fault: object): Planted =>
    world.plant("mparticle", { match: { method: "POST", path: "/v3/requests", function: sender }, fault })

  return [
    delivered("a queued request meets mParticle's 503 again", () => vendor({ status: 503 })),
    delivered("a queued request is taken, and the answer is lost", () => vendor({ commitThenReset: true })),
    delivered("the function is killed after mParticle took a queued request", () => vendor({ commitThenKill: true })),
    delivered("DynamoDB is throttled for the queue's function", () =>
      aws("GetItem|TransactWriteItems|UpdateItem", { error: "ThrottlingException" })
    ),
    delivered("Lambda is throttled when the queue calls it", () =>
      world.plant("lambda", { match: { function: sender }, fault: { error: "TooManyRequestsException" } })
    ),
    {
      fault: "a message of the fallback queue comes six times, at the same time",
      expected: "one request at mParticle",
      run: async () => {
        const id = await waiting()
        await Promise.all(Array.from({ length: 6 }, () => world.queues.send("fallback", fallbackMessage(id))))
        await privacy.once(id, "submitted")
        return "submitted, one request"
      }
    },
    {
      fault: "mParticle refuses a queued request for good (400)",
      expected: "failed on record; the message does not come again",
      run: async () => {
        const id = await waiting()
        const planted = vendor({ status: 400 })
        await world.queues.send("fallback", fallbackMessage(id))
        await eventually(async () => expectSame((await privacy.recordOf(id))["status"], "failed", "the status"))
        expect(planted.take(), "it did not happen")
        return "failed, with its reason on record"
      }
    },
    {
      fault: "messages that cannot be read, among good ones (poison)",
      expected:
        "the good ones are submitted at once; the others are in the dead-letter queue, and come back by a redrive",
      run: async () => {
        const id = await waiting()
        for (const body of ["not JSON", "{}", fallbackMessage("x".repeat(200))])
          await world.queues.send("fallback", body)
        await world.queues.send("fallback", fallbackMessage(id))
        await privacy.once(id, "submitted")
        return async () => {
          await eventually(async () => expectSame(await world.queues.count("fallbackDlq"), 3, "dead letters"), 55_000)
          return "submitted at once; three dead letters after five deliveries"
        }
      }
    }
  ]
}

/** The rows of the deletion queue. */
export const deletionRows = (world: World): ReadonlyArray<Row> => {
  const message = (user: string): string =>
    JSON.stringify({
      Type: "Notification",
      Message: JSON.stringify({ userId: user, eventType: "DELETE", brazeId: `braze-${user}` })
    })
  const taken = (path: string, user: string): number =>
    world
      .journal("mparticle")
      .filter((call) => call.path === path && call.body.includes(user) && (call.status ?? 500) < 300).length
  const vendor = (path: string, fault: object, times = 1): Planted =>
    world.plant("mparticle", { match: { path, function: deletion }, times, fault })

  const deleted = (fault: string, plant: () => Planted): Row => ({
    fault,
    expected: "the person is deleted at both, and the message is done",
    run: async () => {
      const user = `gone-${world.next()}`
      const planted = plant()
      await world.queues.send("deletion", message(user))
      await eventually(() => expect(taken(bulk, user) > 0 && taken(braze, user) > 0, "not deleted at both"))
      expect(planted.take(), "it did not happen")
      await eventually(async () => expectSame(await world.queues.count("deletion"), 0, "messages left"))
      return `mParticle ${taken(bulk, user)}, Braze ${taken(braze, user)}; the queue is empty`
    }
  })

  return [
    deleted("mParticle's deletion fails (503)", () => vendor(bulk, { status: 503 })),
    deleted("mParticle's deletion is asked to wait (429, Retry-After 1)", () =>
      vendor(bulk, { status: 429, headers: { "retry-after": "1" } })
    ),
    deleted("mParticle deletes, and the answer is lost", () => vendor(bulk, { commitThenReset: true })),
    deleted("Braze fails (500)", () => vendor(braze, { status: 500 })),
    deleted("Braze's connection is cut", () => vendor(braze, { reset: true })),
    deleted("the function is killed between mParticle and Braze", () => vendor(bulk, { commitThenKill: true })),
    {
      fault: "a person whom mParticle does not know (404)",
      expected: "a success: there is nothing left to delete",
      run: async () => {
        const user = `gone-${world.next()}`
        vendor(bulk, { status: 404 })
        await world.queues.send("deletion", message(user))
        await eventually(() => expectSame(taken(braze, user), 1, "Braze's calls"))
        await eventually(async () => expectSame(await world.queues.count("deletion"), 0, "messages left"))
        return "done, without a second delivery"
      }
    },
    {
      fault: "mParticle refuses a deletion for good (400)",
      expected: "a dead letter after three deliveries; deleted when it is brought back after the repair",
      run: async () => {
        const user = `gone-${world.next()}`
        const planted = vendor(bulk, { status: 400 }, 1_000)
        await world.queues.send("deletion", message(user))
        await eventually(async () => expectSame(await world.queues.count("deletionDlq"), 1, "dead letters"), 45_000)
        planted.take()
        expectSame(await world.queues.redrive("deletion"), 1, "brought back")
        await eventually(() => expectSame(taken(bulk, user), 1, "mParticle's calls"))
        return "a dead letter; deleted after the redrive"
      }
    }
  ]
}
