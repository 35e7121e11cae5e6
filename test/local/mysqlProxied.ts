/** A server behind the sandbox `mysql`, and the one function process that it knows. */
import { afterAll, beforeEach } from "vitest"
import { startMysqlProxy } from "../../local/src/mysql/Proxy.ts"
import { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"
import { clientOf, rowsOf, trueEngine } from "./mysqlParts.ts"

export const processId = "0a1b2c3d"

/** Lives as long as the test file; each test finds an empty sandbox and a table `t(a, b)` with the row 1. */
export const startProxied = async () => {
  const engine = await trueEngine()
  afterAll(() => engine[Symbol.asyncDispose]())
  const sandbox = new Sandbox("mysql")
  const kills: Array<number> = []
  const proxy = await startMysqlProxy({
    sandbox,
    engine: async () => engine,
    processes: {
      caller: (id) =>
        id === processId ? { function: "a-function", kill: () => void kills.push(Date.now()) } : undefined
    }
  })
  afterAll(() => proxy[Symbol.asyncDispose]())
  const direct = await clientOf(engine)
  afterAll(() => direct.destroy())
  beforeEach(async () => {
    sandbox.clear()
    kills.length = 0
    await direct.query("DROP TABLE IF EXISTS t")
    await direct.query("CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(100))")
    await direct.query("INSERT INTO t VALUES (1, 'one')")
  })
  const { host, port } = proxy
  return {
    engine,
    sandbox,
    kills,
    direct,
    /** A stranger's entrance. */
    stranger: { ...engine, host, port },
    /** The function process's entrance. */
    known: { ...engine, host, port, user: `local_${processId}` },
    rule: (match: object, fault: object, times = 1): string => sandbox.faults.add({ match, fault, times }),
    /** The keys in the table, as the engine has them. */
    keys: async (): Promise<ReadonlyArray<unknown>> => (await rowsOf(direct, "SELECT a FROM t ORDER BY a")).flat(),
    /** What the sandbox has received since the login. */
    journal: () =>
      sandbox.requests().map(({ body, method, operation, path, status }) => ({ body, method, operation, path, status }))
  }
}
