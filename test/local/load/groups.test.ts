/** That no way into the system is without load. */
import { assert, describe, it } from "vitest"
import { functions } from "../../../src/handlers/Functions.ts"
import { loads, uncovered } from "../../../local/src/load/groups.ts"

const http = [
  "POST /data-subject-requests",
  "GET /data-subject-requests/:id",
  "POST /events",
  "GET /health",
  "GET /openapi.json",
  "GET /docs"
]

describe("uncovered", () => {
  it("finds nothing where every route has a path", () => {
    assert.deepStrictEqual(uncovered("mparticle-api-http", http), [])
    assert.deepStrictEqual(uncovered("mparticle-api-lambda", ["Invoke mparticle-api-lambda, status"]), [])
  })

  it("names the route, and the function, that has none", () => {
    assert.deepStrictEqual(uncovered("mparticle-api-http", http.slice(0, -2)), ["/openapi.json", "/docs"])
    assert.deepStrictEqual(uncovered("staging", ["POST /sms", "POST /emails"]), ["/whatsapp", "/email"])
    assert.deepStrictEqual(uncovered("mparticle-api-lambda", []), ["mparticle-api-lambda"])
  })
})

describe("loads", () => {
  it("has load for every function with a route, and why there is none for each function without", () => {
    for (const [name, { queue, routes, schedule }] of Object.entries(functions)) {
      const load = loads[name as keyof typeof loads]
      if (routes !== undefined) assert.isFunction(load, name)
      if (queue !== undefined || (schedule !== undefined && routes === undefined))
        assert.property(load, "because", name)
    }
  })
})
