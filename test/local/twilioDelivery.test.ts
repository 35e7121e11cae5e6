/** How the simulated Twilio delivers: retries, their limit, several at a time, faults and journal. */
import type { ServerResponse } from "node:http"
import { afterAll, assert, beforeAll, describe, expect, it, vi } from "vitest"
import { conversation, startEngines, startVendor } from "./twilioVendor.ts"
import type { Engines, Vendor, VendorOptions } from "./twilioVendor.ts"

let engines: Engines
beforeAll(async () => {
  engines = await startEngines()
})
afterAll(() => engines[Symbol.asyncDispose]())

const start = async (options: VendorOptions = {}): Promise<Vendor> => {
  const vendor = await startVendor(engines, options)
  await vendor.conversations([conversation()])
  return vendor
}
/** A receiver that answers with each of these statuses in turn, and with 200 afterwards; 0 is no answer but a cut. */
const answering = (...statuses: ReadonlyArray<number>): Promise<Vendor> =>
  start({
    answer: (response, count) => {
      const status = statuses[count - 1] ?? 200
      if (status === 0) return void response.socket?.resetAndDestroy()
      response.writeHead(status).end("x")
    }
  })
const outcome = async (vendor: Vendor, changes: Record<string, unknown> = {}) => {
  const [sent] = await vendor.send(changes)
  return [sent?.attempts, sent?.ok]
}
/** The time limit of deliveries in the test's hand. */
const timeLimit = () => {
  const controller = new AbortController()
  const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValue(controller.signal)
  return {
    pass: () => controller.abort(),
    asked: () => timeout.mock.calls.map(([ms]) => ms),
    [Symbol.dispose]: () => timeout.mockRestore()
  }
}
const fault = (vendor: Vendor, fault: object, times = 1): string =>
  vendor.sandbox.faults.add({ match: { method: "POST", path: "/dev/whatsapp" }, times, fault })

describe("retries", () => {
  it("A1.12 follow an answer of 5xx and a connection that is cut, three at most, and end with an answer", async () => {
    for (const [statuses, expected, ok] of [
      [[], [200], true],
      [[503], [503, 200], true],
      [[500, 0, 502], [500, 0, 502, 200], true],
      [[500, 500, 500, 500, 200], [500, 500, 500, 500], false],
      [[503, 404], [503, 404], false],
      [[429], [429], false],
      [[302], [302], false],
      [[204], [204], true]
    ] as const) {
      await using vendor = await answering(...statuses)
      assert.deepEqual(await outcome(vendor), [expected, ok])
      assert.lengthOf(vendor.received, expected.length)
    }
  })

  it("A1.12 are the same request to the byte, its token of idempotency too", async () => {
    await using vendor = await answering(503, 503)
    await vendor.send()
    const [first, ...others] = vendor.received.map(({ bytes, headers, url }) => [bytes, headers, url])
    assert.deepEqual(others, [first, first])
  })

  it("A1.12 follow a connection that nobody takes, and an answer that breaks off", async () => {
    const vendor = await answering()
    await vendor[Symbol.asyncDispose]()
    await using unheard = await start({ apiUrl: vendor.apiUrl })
    assert.deepEqual(await outcome(unheard), [[0, 0, 0, 0], false])
    await using broken = await start({
      answer: (response, count) => {
        if (count > 1) return void response.writeHead(200).end()
        response.writeHead(200, { "content-length": "100" })
        response.write("<Resp", () => response.socket?.destroy())
      }
    })
    assert.deepEqual(await outcome(broken), [[0, 200], true])
  })

  it("A1.12 share one limit with the first attempt: what waits for an answer then is cut", async () => {
    using limit = timeLimit()
    await using vendor = await start({
      answer: (response, count) => void (count === 1 ? response.writeHead(503).end() : limit.pass())
    })
    assert.deepEqual(await outcome(vendor), [[503, 0], false])
    assert.lengthOf(vendor.received, 2)
  })

  it("A1.12 have fifteen seconds, of each message's own", async () => {
    using limit = timeLimit()
    await using vendor = await answering(503)
    await vendor.send({ count: 2 })
    assert.deepEqual(limit.asked(), [15_000, 15_000])
  })
})

describe("several messages", () => {
  it("are numbered, answered in their order, and no more under way than asked for", async () => {
    const pending: Array<ServerResponse> = []
    await using vendor = await start({
      answer: (response) => {
        pending.push(response)
        if (pending.length === 3) for (const one of pending.splice(0).toReversed()) one.writeHead(200).end()
      }
    })
    const sent = await vendor.send({ count: 6, concurrency: 3 })
    assert.strictEqual(vendor.most.together, 3)
    assert.deepEqual(
      sent.map(({ ok }) => ok),
      Array<boolean>(6).fill(true)
    )
    const bodies = new Map(
      vendor.received.map(({ bytes }) => {
        const form = new URLSearchParams(bytes.toString("utf8"))
        return [form.get("MessageSid"), form.get("Body")]
      })
    )
    assert.deepEqual(
      sent.map(({ messageSid }) => bodies.get(messageSid)),
      [1, 2, 3, 4, 5, 6].map((number) => `Hello there ${number}`)
    )
  })

  it("go one after the other when nothing else is asked for", async () => {
    await using vendor = await answering()
    assert.lengthOf(await vendor.send({ count: 3 }), 3)
    assert.strictEqual(vendor.most.together, 1)
  })

  it("are one message when they have one id", async () => {
    await using vendor = await answering()
    const messageSid = "SM00000000000000000000000000000001"
    const sent = await vendor.send({ count: 2, messageSid })
    const taken = { messageSid, attempts: [200], ok: true }
    assert.deepEqual(sent, [taken, taken])
    const [first, second] = vendor.received
    assert.deepEqual(first?.bytes, second?.bytes)
    assert.notDeepEqual(first?.headers, second?.headers)
  })
})

describe("faults and journal", () => {
  it("an attempt has the status of a rule, and nobody is called", async () => {
    await using vendor = await answering()
    fault(vendor, { status: 503 })
    fault(vendor, { error: "11200", status: 502 })
    fault(vendor, { error: "11205" })
    assert.deepEqual(await outcome(vendor), [[503, 502, 0, 200], true])
    assert.lengthOf(vendor.received, 1)
  })

  it("a connection is cut before the call, or after it was carried out", async () => {
    await using vendor = await answering()
    for (const broken of [{ reset: true }, { kill: true }]) fault(vendor, broken)
    assert.deepEqual(await outcome(vendor), [[0, 0, 200], true])
    assert.lengthOf(vendor.received, 1)
    for (const broken of [{ commitThenReset: true }, { commitThenKill: true }, { truncate: 1 }]) fault(vendor, broken)
    assert.deepEqual(await outcome(vendor), [[0, 0, 0, 200], true])
    assert.lengthOf(vendor.received, 5)
    fault(vendor, { kill: true, afterMs: 1 })
    assert.deepEqual(await outcome(vendor), [[200], true])
  })

  it("a call goes out later", async () => {
    await using vendor = await answering()
    fault(vendor, { delayMs: 50 })
    const began = performance.now()
    assert.deepEqual(await outcome(vendor), [[200], true])
    assert.isAtLeast(performance.now() - began, 49)
  })

  it("a call that would go out when there is no time left does not", async () => {
    using limit = timeLimit()
    await using vendor = await answering()
    fault(vendor, { delayMs: 60_000 })
    const sent = outcome(vendor)
    await expect.poll(() => vendor.sandbox.requests().length).toBe(1)
    limit.pass()
    assert.deepEqual(await sent, [[0], false])
    assert.isEmpty(vendor.received)
  })

  it("every attempt is in the journal, with what was answered", async () => {
    await using vendor = await answering(503, 0)
    const [sent] = await vendor.send()
    const journal = vendor.sandbox.requests()
    assert.deepEqual(
      journal.map(({ method, path, status }) => [method, path, status]),
      [503, null, 200].map((status) => ["POST", "/dev/whatsapp", status])
    )
    const [entry] = journal
    assert.strictEqual(entry?.body, vendor.received[0]?.bytes.toString("utf8"))
    assert.include(entry?.body, `MessageSid=${sent?.messageSid}&`)
    expect(entry?.headers).toMatchObject({
      "user-agent": "TwilioProxy/1.1",
      "content-length": String(vendor.received[0]?.bytes.length),
      "x-twilio-signature": expect.stringMatching(/^[A-Za-z0-9+/]{27}=$/)
    })
    vendor.sandbox.clear()
    fault(vendor, { commitThenReset: true })
    await vendor.send()
    assert.deepEqual(
      vendor.sandbox.requests().map(({ status }) => status),
      [200, 200]
    )
  })
})
