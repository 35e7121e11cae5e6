/** The reference page in a real browser: it shows every operation, and what is tried out in it is really called. */
import type { Browser, Locator, Page } from "playwright-core"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { startChromium } from "../support/chromium.ts"
import { document } from "../support/openApi.ts"
import { type Running, startTestPlatform } from "../support/platform.ts"
import { type Field, fieldOf } from "../support/sandbox.ts"

let running: Running
let field: Field
let browser: Browser
let page: Page
/** Everything that the browser complains about, and every address outside of the API that the page wants something of. */
const troubles: Array<string> = []

// Installing the browser on a bare machine takes its time.
beforeAll(async () => {
  ;[running, browser] = await Promise.all([startTestPlatform(), startChromium()])
  field = fieldOf(running)
  page = await browser.newPage()
  const api = `${running.platform.info.gateway}/dev/`
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") troubles.push(message.text())
  })
  page.on("pageerror", (error) => troubles.push(error.message))
  page.on("requestfailed", (request) => troubles.push(`failed: ${request.url()}`))
  page.on("request", (request) => {
    const isData = /^(?:data|blob):/.test(request.url())
    if (!isData && !request.url().startsWith(api)) troubles.push(`outside: ${request.url()}`)
  })
  await page.goto(`${api}docs`)
  await page.locator(".opblock").first().waitFor()
}, 400_000)

afterAll(async () => {
  field[Symbol.dispose]()
  await browser.close()
  await running[Symbol.asyncDispose]()
})

const operation = (id: string): Locator => page.locator(`.opblock[id$="${id.replace(".", String.raw`\\.`)}"]`)

/** Unfolds an operation, tries it out as it is, and waits for the answer that the page shows. */
const execute = async (
  id: string
): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }> => {
  const block = operation(id)
  await block.locator(".opblock-summary").click()
  await block.getByRole("button", { name: "Try it out" }).click()
  await block.getByRole("button", { name: "Execute" }).click()
  const shown = block.locator(".live-responses-table .response").first()
  await shown.waitFor()
  const status = Number((await shown.locator(".response-col_status").innerText()).trim())
  const body = await shown.locator(".highlight-code code, .highlight-code pre").first().innerText()
  return { status, body: JSON.parse(body) as Readonly<Record<string, unknown>> }
}

describe("the reference page", () => {
  it("lists every operation of the document under the title of the API", async () => {
    const blocks = await page.locator(".opblock").evaluateAll((all) => all.map(({ id }) => id.replaceAll("\\", "")))
    const documented = Object.values(document.paths).flatMap((methods) => Object.values(methods))
    assert.deepStrictEqual(
      blocks,
      documented.map(({ operationId, tags }) => `operations-${tags[0]}-${operationId}`)
    )
    assert.include(await page.locator(".info .title").innerText(), document.info.title)
    for (const path of Object.keys(document.paths)) {
      assert.isAtLeast(await page.locator(`.opblock-summary-path[data-path="${path}"]`).count(), 1, path)
    }
  })

  it("files a request when that is tried out, and shows the service's own answer", async () => {
    const { body, status } = await execute("Requests.submit")
    assert.strictEqual(status, 201, JSON.stringify(body))
    assert.include(body, { email: "user@example.com", status: "submitted" })
    const record = await field.recordOf(body["id"])
    assert.include(record, { id: body["id"], status: "submitted" })
    assert.lengthOf(await field.submissions(), 1)
  })

  it("asks for the health when that is tried out", async () => {
    const { body, status } = await execute("Service.health")
    assert.deepStrictEqual([status, body["status"]], [200, "healthy"])
  })

  it("meets no error in the browser, and needs nothing from anywhere else", () => {
    assert.deepStrictEqual(troubles, [])
  })
})
