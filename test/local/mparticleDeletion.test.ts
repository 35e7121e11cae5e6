/** The simulated mParticle's bulk profile deletion, and the Braze beside it. */
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { credentials } from "../../local/src/resources.ts"
import { basic, events, startVendor, workspace } from "./mparticleVendor.ts"

let vendor: Awaited<ReturnType<typeof startVendor>>
beforeEach(async () => {
  vendor = await startVendor()
})
afterEach(() => vendor[Symbol.asyncDispose]())

const item = { environment_type: "development", action: "delete", identities: { customerid: "100001" } }

describe("POST /userprofile/bulkdelete", () => {
  const bulkDelete = (body: unknown, authorization = basic(events), headers: Record<string, string> = {}) =>
    vendor.send("POST", "/userprofile/bulkdelete", body, { authorization, ...headers })

  it("answers 202 without a body, again and again", async () => {
    for (const body of [[item], [item], [item, { ...item, identities: undefined, mpid: "-12" }]]) {
      expect(await bulkDelete(body)).toMatchObject({ status: 202, body: "" })
    }
    expect(vendor.sandbox.requests()[0]).toMatchObject({ path: "/userprofile/bulkdelete", status: 202 })
  })

  it("wants the key pair of the Events API", async () => {
    expect(await bulkDelete([item], "")).toMatchObject({ status: 401 })
    for (const authorization of [basic(workspace), "Bearer x", basic({ ...events, secret: "events-secreT" })]) {
      expect(await bulkDelete([item], authorization)).toMatchObject({ status: 403 })
    }
  })

  it("refuses what is no list of profiles to delete", async () => {
    const bad: ReadonlyArray<unknown> = [
      "[",
      item,
      [],
      [1],
      [{ ...item, environment_type: "test" }],
      [{ ...item, action: "remove" }],
      [{ ...item, identities: undefined }],
      [{ ...item, identities: {} }],
      [{ ...item, identities: ["100001"] }],
      [{ ...item, identities: { customerid: 100_001 } }],
      [{ ...item, identities: { customerid: " " } }],
      [{ ...item, mpid: 12 }],
      [{ ...item, customerid: "100001" }],
      [item, { ...item, action: undefined }]
    ]
    for (const body of bad) expect(await bulkDelete(body)).toMatchObject({ status: 400, body: { code: 400 } })
    expect(await bulkDelete([item], basic(events), { "content-type": "text/plain" })).toMatchObject({ status: 400 })
    expect((await bulkDelete([{ ...item, action: "remove" }])).body).toMatchObject({
      message: "[0].action must be one of delete"
    })
  })

  it("is no other method and no other path", async () => {
    expect(await vendor.send("GET", "/userprofile/bulkdelete")).toMatchObject({ status: 404 })
    expect(await vendor.send("POST", "/v2/userprofile/bulkdelete", [item])).toMatchObject({ status: 404 })
  })
})

describe("POST /braze/users/delete", () => {
  const remove = (body: unknown, authorization = `Bearer ${credentials.braze.key}`) =>
    vendor.send("POST", "/p/0a1b/braze/users/delete", body, { authorization })

  it("says how many it deletes: nobody twice", async () => {
    const deleted = async (...ids: ReadonlyArray<string>) => remove({ external_ids: ids })
    expect(await deleted("a", "b")).toMatchObject({ status: 201, body: { deleted: 2, message: "success" } })
    expect(await deleted("b", "c")).toMatchObject({ status: 201, body: { deleted: 1 } })
    expect(await deleted("c")).toMatchObject({ status: 201, body: { deleted: 0 } })
  })

  it("wants its key", async () => {
    for (const authorization of ["", "Bearer ", `Bearer ${credentials.braze.key}x`, basic(events)]) {
      expect(await remove({ external_ids: ["a"] }, authorization)).toMatchObject({
        status: 401,
        body: { message: "Invalid API key" }
      })
    }
  })

  it("refuses what is no list of ids", async () => {
    const tooMany = Array.from({ length: 51 }, (_, at) => `person ${at}`)
    for (const ids of [undefined, "a", [], [1], [" "], tooMany]) {
      expect(await remove({ external_ids: ids })).toMatchObject({ status: 400 })
    }
    expect(await remove({ external_ids: ["a"], braze_ids: ["b"] })).toMatchObject({ status: 400 })
    expect(await remove("{")).toMatchObject({ status: 400 })
  })
})
