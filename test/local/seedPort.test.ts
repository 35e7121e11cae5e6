/** The port on which the id minter's seed calls its function. */
import { assert, describe, it } from "vitest"
import type { FunctionPool } from "../../local/src/functions/FunctionPool.ts"
import { Lambda } from "../../local/src/functions/Lambda.ts"
import { startSeedPort } from "../../local/src/gateway/seedPort.ts"
import { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"

const path = "/2015-03-31/functions/function/invocations"

/** A Lambda whose only function says what it was given. */
const echoing = (): { readonly lambda: Lambda; readonly sandbox: Sandbox } => {
  const sandbox = new Sandbox("lambda")
  const pool = {
    invoke: async (payload: string) => ({ payload, logs: "", requestId: "1" })
  } as unknown as FunctionPool
  return { sandbox, lambda: new Lambda(new Map([["id-minter-stepfunction", pool]]), sandbox) }
}

describe("the seed's port", () => {
  it("answers the seed's curl by the state machine's function", async () => {
    const { lambda, sandbox } = echoing()
    await using port = await startSeedPort(lambda, 0)
    const event = { sourceIdentifiers: ["sierra-test-123"], jobId: "local-test" }
    const answer = await fetch(`${port.url ?? ""}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(event)
    })
    assert.deepStrictEqual([answer.status, await answer.json()], [200, event])
    assert.strictEqual(sandbox.requests()[0]?.function, "id-minter-stepfunction")
  })

  it("knows no other path", async () => {
    await using port = await startSeedPort(echoing().lambda, 0)
    const answer = await fetch(`${port.url ?? ""}/2015-03-31/functions/other/invocations`, { method: "POST" })
    assert.strictEqual(answer.status, 404)
  })

  it("is left to whoever has it", async () => {
    const { lambda } = echoing()
    await using first = await startSeedPort(lambda, 0)
    await using second = await startSeedPort(lambda, Number(new URL(first.url ?? "").port))
    assert.isUndefined(second.url)
  })
})
