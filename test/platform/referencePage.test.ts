/** The reference page in a real browser: it shows every operation, and a call that is made in it is a real one. */
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
const troubles: Array<string> = []

beforeAll(async () => {
  ;[running, browser] = await Promise.all([startTestPlatform(), startChromium()])
  field = fieldOf(running)
  page = await browser.newPage()
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") troubles.push(message.text())
  })
  page.on("pageerror", (error) => troubles.push(error.message))
  page.on("response", (r) => console.log(r.status(), r.url()))
  page.on("requestfailed", (request) => troubles.push(`${request.method()} ${request.url()}`))
  await page.goto(`${running.platform.info.gateway}/dev/docs`, { waitUntil: "load" })
}, 400_000)

afterAll(async () => {
  field[Symbol.dispose]()
  await browser.close()
  await running[Symbol.asyncDispose]()
})

const operation = (name: string): Locator => page.locator(`.opblock[id="operations-${name.replace(".", "-")}"]`)

describe("the reference page", () => {
  it("debug", async () => {
    await page.waitForSelector(".opblock")
    console.log(await page.locator(".opblock").evaluateAll((all) => all.map((one) => one.id)))
    console.log(troubles)
    await page.screenshot({ path: "/tmp/page.png", fullPage: true })
    const health = page.locator('.opblock[id$="health"]')
    await health.locator(".opblock-summary").click()
    await health.getByRole("button", { name: "Try it out" }).click()
    await health.getByRole("button", { name: "Execute" }).click()
    await page.waitForTimeout(2000)
    await page.screenshot({ path: "/tmp/page2.png", fullPage: true })
    console.log(await health.locator(".request-url").textContent().catch(String))
    const submit = page.locator('.opblock[id$="submit"]')
    await submit.locator(".opblock-summary").click()
    await submit.getByRole("button", { name: "Try it out" }).click()
    console.log(await submit.locator("textarea").first().inputValue())
    await submit.getByRole("button", { name: "Execute" }).click()
    await page.waitForTimeout(2000)
    console.log(await submit.locator(".live-responses-table").innerText())
    console.log(troubles, Object.keys(document), operation)
    console.log(await page.locator(".servers").innerHTML().catch(String))
  }, 60000)
})
