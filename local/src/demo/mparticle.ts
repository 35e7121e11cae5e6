/** MParticle's part of the demo: requests over HTTP, mParticle's signed callbacks, an export's results, events. */
import { emptyArchive } from "../sandboxes/mparticle/emptyArchive.ts"
import { expect, type Step } from "./Step.ts"
import type { HttpReply, World } from "./World.ts"

const text = (reply: HttpReply, field: string): string => String(reply.body[field])

/** The steps, in order. */
export const mparticle = (world: World): ReadonlyArray<Step> => {
  const { buckets, tables } = world.platform.info

  const file = async (email: string, type: string): Promise<HttpReply> => {
    const reply = await world.http("POST", "/data-subject-requests", { email, type })
    expect(
      reply.status === 201 && reply.body["status"] === "submitted",
      `${reply.status} ${JSON.stringify(reply.body)}`
    )
    return reply
  }

  const record = async (id: string): Promise<string> => {
    const item = await world.item("dsr", { id })
    return `DynamoDB ${tables["dsr"]}: ${id} is ${String(item["status"])}, under ${String(item["email"])}`
  }

  return [
    {
      title: "An erasure over HTTP, ended by mParticle's signed callback: of the address a keyed hash is left",
      trigger: "POST /dev/data-subject-requests; then mParticle's POST /dev/data-subject-requests/{id}/callback",
      run: async () => {
        const filed = await file("john.roe@example.com", "gdpr_delete")
        const id = text(filed, "id")
        const { status } = await world.advance(id, "completed")
        expect(status === 202, `the callback was answered ${String(status)}`)
        const standing = await world.http("GET", `/data-subject-requests/${id}`)
        expect(standing.body["status"] === "completed" && !("email" in standing.body), JSON.stringify(standing.body))
        return {
          answer: `${filed.status} ${text(filed, "status")}; callback 202; GET ${standing.status} completed, without the address`,
          stored: [await record(id)]
        }
      }
    },
    {
      title: "Forged callbacks end nothing",
      trigger: "POST /dev/data-subject-requests/{id}/callback, one byte changed, and with a certificate of one's own",
      run: async () => {
        const id = text(await file("mary.major@example.com", "ccpa_delete"), "id")
        const changed = await world.advance(id, "completed", { move: false, callback: { tamper: "body" } })
        await world.certificate("selfSigned")
        const own = await world.advance(id, "completed", { move: false })
        await world.certificate("normal")
        expect(
          changed.status === 401 && own.status === 401,
          `answered ${String(changed.status)} and ${String(own.status)}`
        )
        const standing = await world.http("GET", `/data-subject-requests/${id}`)
        expect(standing.body["status"] === "submitted", `it is ${text(standing, "status")}`)
        return { answer: "401 and 401", stored: [await record(id)] }
      }
    },
    {
      title: "An export: its results are copied while mParticle has them, and can be downloaded",
      trigger:
        "POST /dev/data-subject-requests; the callback; GET /dev/data-subject-requests/{id}; GET of the link in it",
      run: async () => {
        const id = text(await file("richard.miles@example.com", "export"), "id")
        const { status } = await world.advance(id, "completed", { results: emptyArchive.toString("base64") })
        expect(status === 202, `the callback was answered ${String(status)}`)
        const standing = await world.http("GET", `/data-subject-requests/${id}`)
        const [link] = standing.body["downloadUrls"] as ReadonlyArray<string>
        const download = await fetch(link ?? "")
        const bytes = Buffer.from(await download.arrayBuffer())
        expect(bytes.equals(emptyArchive), `the link gave ${download.status} and ${bytes.length} other bytes`)
        const item = await world.item("dsr", { id })
        return {
          answer: `completed, one link; ${bytes.length} bytes behind it, as mParticle sent them`,
          stored: [await record(id), `S3 ${buckets["results"]}: ${String(item["resultLocations"])}`]
        }
      }
    },
    {
      title: "Events of two people become a batch each",
      trigger: "POST /dev/events",
      run: async () => {
        const before = world.received("mparticle", "POST", "/v2/events")
        const event = (user: string) => ({
          event_type: "page_view",
          data: { page: "/" },
          user_id: user,
          timestamp: 1705315800
        })
        const reply = await world.http("POST", "/events", { events: [event("a"), event("b"), event("a")] })
        expect(reply.status === 200 && reply.body["events_processed"] === 3, JSON.stringify(reply.body))
        const batches = world.received("mparticle", "POST", "/v2/events") - before
        expect(batches === 2, `${batches} batches`)
        return {
          answer: `200 ${JSON.stringify(reply.body)}`,
          stored: [`mParticle: ${batches} calls of POST /v2/events`]
        }
      }
    },
    {
      title: "Everything that the service needs answers",
      trigger: "GET /dev/health",
      run: async () => {
        const reply = await world.http("GET", "/health")
        expect(reply.status === 200, JSON.stringify(reply.body))
        return { answer: `200 ${JSON.stringify(reply.body["checks"])}`, stored: ["nothing"] }
      }
    }
  ]
}
