/** Messages of the simulated Twilio on their way through API Gateway into a function. */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { validateRequest } from "twilio/lib/webhooks/webhooks.js"
import { assert, describe, it } from "vitest"
import { startParts } from "./platformParts.ts"
import { conversation, emailConversation, startEngines, startVendor, token } from "./twilioVendor.ts"

/** Keeps what it gets, and answers as the text of the message says. */
const inbox = `
import { appendFileSync } from "node:fs"
const file = process.env.FOLDER + "/events.jsonl"
let count = 0
export const handler = async (event) => {
  if (event.httpMethod === "OPTIONS") return { statusCode: 204, headers: { "Access-Control-Allow-Origin": "*" } }
  appendFileSync(file, JSON.stringify(event) + "\\n")
  count += 1
  if (event.body.includes("twice") && count === 1) return { statusCode: 503, body: "" }
  if (event.body.includes("thrown")) throw new Error("a defect")
  return { statusCode: 200, headers: { "Content-Type": "text/xml" }, body: "<Response></Response>" }
}`

interface Event {
  readonly path: string
  readonly body: string
  readonly httpMethod: string
  readonly headers: Record<string, string>
  readonly requestContext: { readonly domainName: string; readonly path: string }
}

describe("messages through the gateway", () => {
  it("are signed for the URL that the event tells, and retried", async () => {
    await using engines = await startEngines()
    await using gateway = await startParts({
      functions: { inbox },
      routes: ["/whatsapp", "/sms", "/email"].map((prefix) => ({ prefix, function: "inbox" }))
    })
    await using vendor = await startVendor(engines, { apiUrl: `${gateway.url}/dev` })
    await vendor.conversations([conversation(), emailConversation()])
    const events = async (): Promise<ReadonlyArray<Event>> => {
      const lines = (await readFile(join(gateway.folder.path, "events.jsonl"), "utf8")).trim().split("\n")
      return lines.map((line) => JSON.parse(line) as Event)
    }

    const attempts = async (changes: Record<string, unknown>) =>
      (await vendor.send(changes)).map((sent) => sent.attempts)
    assert.deepEqual(await attempts({ body: "twice" }), [[503, 200]])
    const [first, second] = await events()
    assert.strictEqual(first?.body, second?.body)
    for (const event of await events()) {
      const { domainName, path } = event.requestContext
      assert.deepEqual([event.httpMethod, event.path, path], ["POST", "/whatsapp", "/dev/whatsapp"])
      const params = Object.fromEntries(new URLSearchParams(event.body))
      const signature = event.headers["X-Twilio-Signature"] ?? ""
      assert.isTrue(validateRequest(token, signature, `https://${domainName}${path}`, params))
    }

    assert.deepEqual(await attempts({ body: "thrown" }), [[502, 502, 502, 502]])
    const email = { channel: "email", from: "user@example.com", to: "info@example.com", body: "a reply" }
    assert.deepEqual(await attempts(email), [[200]])
    const last = (await events()).at(-1)
    assert.deepEqual([last?.path, JSON.parse(last?.body ?? "").body], ["/email", "a reply"])

    const preflight = await fetch(`${gateway.url}/dev/sms`, { method: "OPTIONS" })
    assert.deepEqual([preflight.status, preflight.headers.get("access-control-allow-origin")], [204, "*"])
  })
})
