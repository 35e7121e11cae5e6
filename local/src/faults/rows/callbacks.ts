/** What may go wrong with requests over HTTP, mParticle's callbacks, results and events. */
import { GetObjectCommand } from "@aws-sdk/client-s3"
import { emptyArchive } from "../../sandboxes/mparticle/emptyArchive.ts"
import { functions, privacyOf } from "../privacy.ts"
import { expect, expectSame, type Row, textOf } from "../Row.ts"
import { eventually, type Planted, type World } from "../World.ts"

const { http, reconcile } = functions
const certificatePath = "/dsr/opendsr_cert.pem"

type Advanced = { readonly status?: number | null; readonly statuses?: ReadonlyArray<number | null> }

/** The rows. */
export const callbackRows = (world: World): ReadonlyArray<Row> => {
  const privacy = privacyOf(world, "http")
  const bucket = world.platform.info.buckets["results"]

  const advance = async (id: string, status: string, options: object = {}): Promise<Advanced> =>
    (await world.sandbox("POST", "mparticle/advance", { id, status, ...options })) as Advanced
  const aws = (operation: string, fault: object, times = 1): Planted =>
    world.plant("aws", { match: { operation, function: http }, times, fault })
  const versionOf = async (id: string): Promise<unknown> => (await privacy.recordOf(id))["version"]

  /** A request that is completed at mParticle, whose callback meets a fault and comes again until it is taken. */
  const calledBack = (fault: string, plant: () => Planted, isCold = false): Row => ({
    fault,
    expected: "5xx or 202; when mParticle calls again the request is completed, by one transition",
    run: async () => {
      const id = await privacy.submitted()
      if (isCold) await world.cold(http)
      const planted = plant()
      const { status: first } = await advance(id, "completed")
      expect(planted.take() && (first === 202 || first === null || Number(first) >= 500), `answered ${String(first)}`)
      await eventually(async () =>
        expectSame(await advance(id, "completed", { move: false }), { status: 202 }, "again")
      )
      await privacy.once(id, "completed")
      expectSame(await versionOf(id), 3, "states on its trail")
      return `${String(first)}, then 202; completed, one transition`
    }
  })

  /** A callback that is not mParticle's. */
  const forged = (fault: string, options: object, wanted: number, variant = "normal"): Row => ({
    fault,
    expected: `${wanted}, and nothing changes`,
    run: async () => {
      const id = await privacy.submitted()
      await world.certificate(variant)
      const { status } = await advance(id, "completed", { move: false, callback: options })
      await world.certificate("normal")
      // A process looks for another certificate once a while only, whoever made it look.
      if (variant !== "normal") await world.cold(http)
      expectSame(status, wanted, "the answer")
      expectSame(await versionOf(id), 2, "states on its trail")
      return `${wanted}, the record as it was`
    }
  })

  return [
    calledBack("DynamoDB is throttled while a callback is taken", () =>
      aws("TransactWriteItems", { error: "ThrottlingException" })
    ),
    calledBack("DynamoDB's answer to a callback's write is lost", () =>
      aws("TransactWriteItems", { commitThenReset: true })
    ),
    calledBack("two transitions of one record meet", () =>
      aws("TransactWriteItems", { error: "TransactionInProgressException" })
    ),
    calledBack("the record cannot be read for a callback", () =>
      aws("GetItem", { error: "InternalServerError", status: 500 })
    ),
    calledBack(
      "a new process cannot fetch mParticle's certificate (500)",
      () => world.plant("mparticle", { match: { path: certificatePath, function: http }, fault: { status: 500 } }),
      true
    ),
    calledBack(
      "the certificate's connection is cut",
      () => world.plant("mparticle", { match: { path: certificatePath, function: http }, fault: { reset: true } }),
      true
    ),
    calledBack("the callback's process is killed when it has answered nobody", () =>
      world.plant("aws", {
        match: { operation: "TransactWriteItems", function: http },
        fault: { commitThenKill: true }
      })
    ),
    {
      fault: "a callback comes three times, and then older ones",
      expected: "202 each time; one transition",
      run: async () => {
        const id = await privacy.submitted()
        const { statuses = [] } = await advance(id, "completed", {
          callback: { times: 3, also: ["in_progress", "pending", "completed"] }
        })
        expect(statuses.length === 6 && statuses.every((status) => status === 202), statuses.join(", "))
        await privacy.once(id, "completed")
        expectSame(await versionOf(id), 3, "states on its trail")
        return "202 six times; completed, one transition"
      }
    },
    {
      fault: "mParticle's certificate is exchanged",
      expected: "one look at the new one, then 202",
      run: async () => {
        const id = await privacy.submitted()
        const fetches = (): number => world.journal("mparticle").filter(({ path }) => path === certificatePath).length
        await eventually(async () => {
          await world.certificate("rotated")
          const before = fetches()
          expectSame(await advance(id, "completed"), { status: 202 }, "the answer")
          expect(fetches() - before <= 1, `${fetches() - before} fetches`)
        })
        await world.certificate("normal")
        await world.cold(http)
        await privacy.once(id, "completed")
        return "202, at most one fetch"
      }
    },
    forged("a callback's body is changed by a byte", { tamper: "body" }, 401),
    forged("a callback is written anew before it is signed for", { tamper: "reserialise" }, 401),
    forged("a callback comes from another domain", { tamper: "domain" }, 401),
    forged("a callback is not signed", { tamper: "unsigned" }, 401),
    forged("a callback is signed with a certificate of one's own", {}, 401, "selfSigned"),
    forged("a callback goes to another request's path", { tamper: "path" }, 400),
    {
      fault: "the callback is lost",
      expected: "the reconciliation finds the request completed, once",
      run: async () => {
        const id = await privacy.submitted()
        await advance(id, "completed", { callback: false })
        await eventually(async () => {
          await world.invoke(reconcile, {})
          expectSame((await privacy.recordOf(id))["status"], "completed", "the status")
        })
        await privacy.once(id, "completed")
        return "completed by the reconciliation"
      }
    },
    {
      fault: "S3 is down when an export's results are to be copied",
      expected: "202 all the same; the reconciliation copies them, byte by byte",
      run: async () => {
        const id = await privacy.submitted("export")
        const planted = aws("PutObject", { error: "SlowDown", status: 503 }, 100)
        expectSame(
          await advance(id, "completed", { results: emptyArchive.toString("base64") }),
          { status: 202 },
          "the answer"
        )
        planted.take()
        await eventually(async () => {
          await world.invoke(reconcile, {})
          expect(JSON.stringify((await privacy.recordOf(id))["resultLocations"] ?? "").includes(id), "not copied")
        })
        const { Body } = await world.s3.send(new GetObjectCommand({ Bucket: bucket, Key: `${id}.zip` }))
        expect(Buffer.from((await Body?.transformToByteArray()) ?? []).equals(emptyArchive), "it has other bytes")
        return "202; copied by the reconciliation, the same bytes"
      }
    },
    {
      fault: "the results' download breaks off",
      expected: "202 all the same; copied later, whole",
      run: async () => {
        const id = await privacy.submitted("export")
        const match = { method: "GET", path: ".*/results", function: http }
        world.plant("mparticle", { match, times: 4, fault: { truncate: 5 } })
        expectSame(
          await advance(id, "completed", { results: emptyArchive.toString("base64") }),
          { status: 202 },
          "the answer"
        )
        await eventually(async () => {
          await world.invoke(reconcile, {})
          expect(JSON.stringify((await privacy.recordOf(id))["resultLocations"] ?? "").includes(id), "not copied")
        })
        const { Body } = await world.s3.send(new GetObjectCommand({ Bucket: bucket, Key: `${id}.zip` }))
        expect(Buffer.from((await Body?.transformToByteArray()) ?? []).equals(emptyArchive), "it has other bytes")
        return "202; copied later, the same bytes"
      }
    },
    {
      fault: "an export's results have expired at mParticle (410)",
      expected: "completed without results",
      run: async () => {
        const id = await privacy.submitted("export")
        expectSame(await advance(id, "completed", { resultsGone: true }), { status: 202 }, "the answer")
        await privacy.once(id, "completed")
        return `completed, ${textOf(await privacy.recordOf(id), "failureReason")}`
      }
    },
    ...(
      [
        ["mParticle's Events API fails once (503)", { status: 503 }, 200, 2],
        ["mParticle's Events API takes a batch, and the answer is lost", { commitThenReset: true }, 200, 2],
        ["mParticle's Events API refuses the credentials", { status: 403 }, 502, 2]
      ] as const
    ).map(([fault, wrong, wanted, most]): Row => ({
      fault,
      expected: `${wanted}, after at most ${most} calls, each with the same source id`,
      run: async () => {
        const match = { path: "/v2/events", function: http }
        world.plant("mparticle", { match, times: wanted === 200 ? 1 : 10, fault: wrong })
        const user = `http-events-${world.next()}`
        const events = [{ event_type: "page_view", data: { page: "/" }, user_id: user, timestamp: 1_705_315_800 }]
        const reply = await world.http("POST", "/events", { events })
        expectSame(reply.status, wanted, JSON.stringify(reply.body))
        const calls = world
          .journal("mparticle")
          .filter(({ body, path }) => path === "/v2/events" && body.includes(user))
        expect(calls.length >= 1 && calls.length <= most, `${calls.length} calls`)
        expectSame(new Set(calls.map(({ body }) => body)).size, 1, "different batches")
        return `${reply.status}, ${calls.length} calls`
      }
    }))
  ]
}
