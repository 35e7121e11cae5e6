/** What the rows of Baton's initiate have in common: its faults, and its errors. */
import { functions, type Privacy } from "../privacy.ts"
import { expect } from "../Row.ts"
import type { Planted, World } from "../World.ts"

const { baton } = functions

/** More often than anybody calls. */
export const always = 10_000

/** Faults of the calls that Baton's function makes, and what it answers then. */
export const batonParts = (world: World, privacy: Privacy) => {
  const vendor = (fault: object, times = 1): Planted =>
    world.plant("mparticle", { match: { method: "POST", path: "/v3/requests", function: baton }, times, fault })
  const aws = (operation: string, fault: object, times = 1): Planted =>
    world.plant("aws", { match: { operation, function: baton }, times, fault })

  const errorOf = async (person = privacy.person()): Promise<Readonly<Record<string, unknown>>> => {
    const { body, functionError } = await privacy.initiate(person)
    expect(functionError === undefined && body["success"] === false, `it was answered ${JSON.stringify(body)}`)
    return body["error"] as Readonly<Record<string, unknown>>
  }
  const retryableOf = (error: Readonly<Record<string, unknown>>): unknown =>
    (error["details"] as { readonly retryable?: unknown } | undefined)?.retryable

  return { vendor, aws, errorOf, retryableOf }
}
