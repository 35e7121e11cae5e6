/** What may go wrong between Twilio, the tables and the queues, and what has to come of it. */
import { asksForHuman, channels, type Channel, conversations, customer, type Customers } from "../customers.ts"
import { expect, expectSame, type Row } from "../Row.ts"
import { eventually, type Planted, type World } from "../World.ts"

const staging = "staging"
const sweeper = "staging-sweeper"
const always = 10_000

/** The rows; customers from 0 to 79 are theirs. */
export const stagingRows = (world: World, customers: Customers): ReadonlyArray<Row> => {
  const aws = (operation: string, fault: object, times = 1): Planted =>
    world.plant("aws", { match: { operation, function: staging }, times, fault })
  let writers = 0
  const writer = (): number => (writers += 1) % 80

  const staged = async (messageSid: string): Promise<number> =>
    (await world.scan("stage")).filter((item) => item["message_sid"] === messageSid && "body" in item).length
  const sweep = async (): Promise<void> => {
    const { body, functionError } = await world.invoke(sweeper, {})
    expect(functionError === undefined, JSON.stringify(body))
  }

  /** A fault that passes: Twilio tries again, or need not. */
  const passes = (fault: string, plant: () => Planted, isCold = false): Row => ({
    fault,
    expected: "503 or no answer, and Twilio's retry is taken, or 200 at once; read once",
    run: async () => {
      if (isCold) await world.cold(staging)
      const planted = plant()
      const sent = await customers.send("whatsapp", customer(writer()), fault)
      expect(planted.take() && sent.ok, `answered ${sent.attempts.join(", ")}`)
      await customers.readOnce(sent, "whatsapp")
      return `${sent.attempts.join(", then ")}; read once`
    }
  })

  /** A fault that no retry of Twilio's helps against; the message was authenticated, so it is kept. */
  const parks = (fault: string, plant: () => Planted, isTold: boolean): Row => ({
    fault,
    expected: `${isTold ? "200" : "503 each time"}, and the message parked; the sweeper brings it to its reader, once`,
    run: async () => {
      const planted = plant()
      const sent = await customers.send("whatsapp", customer(writer()), fault)
      planted.take()
      expectSame(sent.ok, isTold, `answered ${sent.attempts.join(", ")}`)
      await eventually(async () => {
        await sweep()
        await customers.readers.whatsapp.drain()
        expect(customers.readers.whatsapp.read.has(sent.messageSid), "nobody has read it")
      })
      expectSame(customers.readers.whatsapp.read.get(sent.messageSid)?.length, 1, "times that it was read")
      return `${sent.attempts.join(", ")}; read once after the sweeper`
    }
  })

  /** Somebody who is not believed, or a fault before it can be known who wrote: nothing is written. */
  const nothing = (fault: string, options: { readonly more?: object; readonly plant?: () => Planted }): Row => ({
    fault,
    expected: "200 and empty TwiML; nothing is written",
    run: async () => {
      if (options.plant !== undefined) await world.cold(staging)
      options.plant?.()
      const sent = await customers.send("whatsapp", customer(writer()), fault, options.more ?? {})
      expectSame(sent.attempts, [200], "the answers")
      expectSame(await staged(sent.messageSid), 0, "rows")
      return "200, nothing written"
    }
  })

  const throttled = { error: "ThrottlingException" }
  const unavailable = { error: "ServiceUnavailable", status: 503 }
  return [
    {
      fault: "none: a message on each channel",
      expected: "200; read once each",
      run: async () => {
        const froms: Readonly<Record<Channel, string>> = {
          whatsapp: customer(0),
          sms: customer(0),
          email: "customer-0@example.com"
        }
        for (const channel of channels) {
          const sent = await customers.send(channel, froms[channel], "Hello there")
          expect(sent.ok, `answered ${sent.attempts.join(", ")}`)
          await customers.readOnce(sent, channel)
        }
        return "200; read once each"
      }
    },
    passes("the conversations cannot be queried (throttled)", () => aws("Query", throttled, 4)),
    passes("the query's connection is cut", () => aws("Query", { reset: true }, 4)),
    passes("the conversation cannot be read (500)", () =>
      aws("GetItem", { error: "InternalServerError", status: 500 }, 4)
    ),
    passes("the secret is throttled", () => aws("GetSecretValue", throttled, 4), true),
    passes(
      "Secrets Manager fails inside",
      () => aws("GetSecretValue", { error: "InternalServiceError", status: 500 }, 4),
      true
    ),
    passes("the message cannot be staged (throttled)", () =>
      aws("TransactWriteItems", { error: "ProvisionedThroughputExceededException" }, 4)
    ),
    passes("the message is staged, and the answer is lost", () => aws("TransactWriteItems", { commitThenReset: true })),
    passes("two transactions meet when a message is staged", () =>
      aws("TransactWriteItems", { error: "TransactionInProgressException" })
    ),
    passes("the lock cannot be written (throttled)", () => aws("PutItem", throttled, 4)),
    passes("the lock is written, and the answer is lost", () => aws("PutItem", { commitThenReset: true })),
    passes("the lock's answer is cut short", () => aws("PutItem", { truncate: 3 })),
    passes("SQS is unavailable", () => aws("SendMessage", unavailable, 4)),
    passes("SQS is throttled (RequestThrottled)", () => aws("SendMessage", { error: "RequestThrottled" }, 4)),
    passes("the session of AWS has expired", () => aws("PutItem", { error: "ExpiredTokenException" })),
    passes("the trigger is sent, and the answer is lost", () => aws("SendMessage", { commitThenReset: true })),
    passes("the function is killed a little after its call", () =>
      world.plant("lambda", { match: { function: staging }, fault: { kill: true, afterMs: 4 } })
    ),
    passes("Lambda is throttled", () =>
      world.plant("lambda", { match: { function: staging }, fault: { error: "TooManyRequestsException" } })
    ),
    passes("the connection to Twilio breaks after the message was taken", () =>
      world.plant("twilio", { match: { path: ".*/whatsapp" }, fault: { commitThenReset: true } })
    ),
    parks(
      "the queue's right is missing (AccessDenied)",
      () => aws("SendMessage", { error: "AccessDeniedException" }),
      true
    ),
    parks(
      "the stage table is not there",
      () => aws("TransactWriteItems", { error: "ResourceNotFoundException" }),
      true
    ),
    parks("the lock's table is throttled for all of Twilio's tries", () => aws("PutItem", throttled, always), false),
    nothing("a message is changed by a byte", { more: { tamper: "body" } }),
    nothing("a message is signed by somebody else", { more: { tamper: "signature" } }),
    nothing("a message is not signed", { more: { tamper: "unsigned" } }),
    nothing("a message comes from another account", { more: { tamper: "account" } }),
    nothing("the secret may not be read (AccessDenied)", {
      plant: () => aws("GetSecretValue", { error: "AccessDeniedException" }, always)
    }),
    nothing("the secret is not there", {
      plant: () => aws("GetSecretValue", { error: "ResourceNotFoundException" }, always)
    }),
    {
      fault: "the tenant's token is exchanged while the old one is at hand (rotation)",
      expected: "fetched again once: 200, read once",
      run: async () => {
        const index = writer()
        await world.cold(staging)
        await customers.readOnce(await customers.send("whatsapp", customer(index), "before"), "whatsapp")
        const token = "fedcba9876543210fedcba9876543210"
        await world.sandbox("PUT", "twilio/conversations", conversations(token))
        const sent = await customers.send("whatsapp", customer(index), "after")
        await customers.readOnce(sent, "whatsapp")
        return `${sent.attempts.join(", then ")}; read once`
      }
    },
    {
      fault: "Twilio sends a message twice, and then twice at the same time",
      expected: "200 each time; read once",
      run: async () => {
        const from = customer(writer())
        const first = await customers.send("whatsapp", from, "again")
        const repeat = (): Promise<{ readonly ok: boolean }> =>
          customers.send("whatsapp", from, "again", { messageSid: first.messageSid })
        const others = [await repeat(), ...(await Promise.all([repeat(), repeat()]))]
        expect(first.ok && others.every(({ ok }) => ok), "not all were taken")
        await customers.readOnce(first, "whatsapp")
        return "200 four times; read once"
      }
    },
    {
      fault: "twenty messages of one conversation at the same time",
      expected: "all read, each once",
      run: async () => {
        const from = customer(writer())
        const all = await Promise.all(
          Array.from({ length: 20 }, (_, at) => customers.send("whatsapp", from, `number ${at}`))
        )
        expect(
          all.every(({ ok }) => ok),
          "not all were taken"
        )
        for (const sent of all) await customers.readOnce(sent, "whatsapp")
        return "twenty, read once each"
      }
    },
    {
      fault: "a customer has asked for a human, and SQS loses its answer",
      expected: "handed over; the human may see it twice, never not at all",
      run: async () => {
        aws("SendMessage", { commitThenReset: true })
        const sent = await customers.send("whatsapp", customer(asksForHuman), "A person, please")
        expect(sent.ok, `answered ${sent.attempts.join(", ")}`)
        const handed = (await world.queues.takeAll("handoff")).filter((body) => body.includes(sent.messageSid)).length
        expect(handed >= 1 && handed <= 2, `${handed} messages`)
        return `${handed} in the queue of the humans`
      }
    },
    {
      fault: "poison in the parking queue",
      expected: "the sweeper goes on with the others and does not lose it",
      run: async () => {
        await world.queues.send("parking", "not JSON")
        const { body } = await world.invoke(sweeper, {})
        expect(Number(body["kept"]) >= 1 && (await world.queues.count("parking")) >= 1, JSON.stringify(body))
        return "kept"
      }
    },
    {
      fault: "DynamoDB hangs",
      expected: "503 in under ten seconds; parked, and read once after the sweeper",
      run: async () => {
        const planted = aws("PutItem|GetItem", { delayMs: 30_000 }, always)
        const began = performance.now()
        const sent = await customers.send("whatsapp", customer(writer()), "while it hangs")
        const seconds = (performance.now() - began) / 1_000 / sent.attempts.length
        planted.take()
        expect(!sent.ok && sent.attempts[0] === 503 && seconds < 10, `${sent.attempts.join(", ")} after ${seconds} s`)
        await eventually(async () => {
          await sweep()
          await customers.readers.whatsapp.drain()
          expectSame(customers.readers.whatsapp.read.get(sent.messageSid)?.length, 1, "times that it was read")
        })
        return `${sent.attempts.join(", ")}, each in under ten seconds; read once after the sweeper`
      }
    }
  ]
}
