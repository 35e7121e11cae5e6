import type { ResultSetHeader } from "mysql2/promise"
import { assert, describe, it } from "vitest"
import { argumentsOf, recognise } from "../../local/src/mysql/front/recognise.ts"
import { Session } from "../../local/src/mysql/front/Session.ts"
import { Store } from "../../local/src/mysql/front/Store.ts"
import * as statements from "../../src/layers/IdMinter/statements.ts"
import { createTables, definitions, free, insert, lookup, started, temporary } from "./mysqlMinter.ts"
import { type Client, clientOf, errorOf, rowsOf } from "./mysqlParts.ts"

/** Whether a call has ended by now. */
const pending = async (call: Promise<unknown>): Promise<boolean> => {
  const early = Symbol("early")
  const timer = new Promise((resolve) => setTimeout(() => resolve(early), 40))
  return (await Promise.race([call.catch(() => {}), timer])) === early
}

describe("transactions", () => {
  it("are seen by others when they are committed, and only by themselves before", async () => {
    await using engine = await started({}, "aaaaaaaa", "bbbbbbbb")
    await using one = await clientOf(engine)
    await using other = await clientOf(engine)
    await one.beginTransaction()
    await insert(one, "x", "aaaaaaaa")
    assert.deepEqual(await lookup(one, "x"), [["x", "aaaaaaaa"]])
    assert.deepEqual(await lookup(other, "x"), [])
    await one.commit()
    assert.deepEqual(await lookup(other, "x"), [["x", "aaaaaaaa"]])
    await one.beginTransaction()
    await one.execute(statements.assign(1), ["aaaaaaaa"])
    await one.rollback()
    assert.strictEqual(await free(other), 2)
  })

  it("write one after the other, in the order of their first write", async () => {
    await using engine = await started({}, "aaaaaaaa", "bbbbbbbb", "cccccccc")
    await using first = await clientOf(engine)
    await using second = await clientOf(engine)
    await using third = await clientOf(engine)
    await second.beginTransaction()
    await first.beginTransaction()
    await insert(first, "x", "aaaaaaaa")
    const claimed = rowsOf(second, statements.claim(2))
    const alone = insert(third, "y", "cccccccc")
    assert.isTrue(await pending(claimed))
    assert.isTrue(await pending(alone))
    // Who only reads waits for nobody.
    await using reader = await clientOf(engine)
    assert.deepEqual(await lookup(reader, "x", "y"), [])
    await first.execute(statements.assign(1), ["aaaaaaaa"])
    await first.commit()
    assert.deepEqual(await claimed, [["bbbbbbbb"], ["cccccccc"]])
    assert.isTrue(await pending(alone))
    await second.commit()
    await alone
    assert.deepEqual(await lookup(reader, "x", "y"), [
      ["x", "aaaaaaaa"],
      ["y", "cccccccc"]
    ])
  })

  it("give up after a while, and keep what they had", async () => {
    await using engine = await started({ lockWaitMs: 30 }, "aaaaaaaa")
    await using one = await clientOf(engine)
    await using other = await clientOf(engine)
    await one.beginTransaction()
    await insert(one, "x", "aaaaaaaa")
    await other.beginTransaction()
    assert.strictEqual(await errorOf(insert(other, "y", "aaaaaaaa")), 1205)
    await one.commit()
    await insert(other, "y", "aaaaaaaa")
    await other.commit()
    assert.lengthOf(await lookup(one, "x", "y"), 2)
  })

  it("are rolled back when their client goes away, whether it has the lock or waits for it", async () => {
    await using engine = await started({}, "aaaaaaaa")
    const holder = await clientOf(engine)
    await holder.beginTransaction()
    await insert(holder, "x", "aaaaaaaa")
    const waiting = await clientOf(engine)
    const lost = insert(waiting, "y", "aaaaaaaa").catch(() => {})
    assert.isTrue(await pending(lost))
    waiting.destroy()
    await using last = await clientOf(engine)
    const next = insert(last, "z", "aaaaaaaa")
    assert.isTrue(await pending(next))
    holder.destroy()
    await next
    assert.deepEqual(await lookup(last, "x", "y", "z"), [["z", "aaaaaaaa"]])
  })

  it("end with a new one, with a definition and with a reset", async () => {
    await using engine = await started({}, "aaaaaaaa")
    await using client = await clientOf(engine)
    await using other = await clientOf(engine)
    await client.beginTransaction()
    await insert(client, "x", "aaaaaaaa")
    await client.beginTransaction()
    assert.lengthOf(await lookup(other, "x"), 1)
    await insert(client, "y", "aaaaaaaa")
    await createTables(client)
    assert.lengthOf(await lookup(other, "y"), 1)
    await client.beginTransaction()
    await insert(client, "z", "aaaaaaaa")
    await client.reset()
    assert.lengthOf(await lookup(other, "z"), 0)
    await insert(other, "z", "aaaaaaaa")
  })

  it("take back a statement that fails half-way, and nothing else", async () => {
    await using engine = await started({}, "aaaaaaaa")
    await using client = await clientOf(engine)
    const two = ["Work", "sierra", "y", "aaaaaaaa", "Work", "sierra", "z", "missing"]
    assert.strictEqual(await errorOf(client.execute(statements.insert(2), two)), 1452)
    assert.deepEqual(await lookup(client, "y", "z"), [])
    await client.beginTransaction()
    await insert(client, "x", "aaaaaaaa")
    assert.strictEqual(await errorOf(client.execute(statements.insert(2), two)), 1452)
    await client.commit()
    assert.deepEqual(await lookup(client, "x", "y", "z"), [["x", "aaaaaaaa"]])
  })

  it("whose COMMIT fails are rolled back, and the COMMIT says so", async () => {
    await using folder = await temporary()
    using store = new Store({ folder: folder.path, keep: false, lockWaitMs: 50 })
    const [one, other] = [new Session(store), new Session(store)]
    const run = (session: Session, sql: string) => {
      const recognised = recognise(sql)
      return session.execute(recognised.statement, argumentsOf(recognised, []))
    }
    for (const definition of definitions) await run(one, definition)
    await run(one, "BEGIN")
    await run(one, "INSERT IGNORE INTO canonical_ids (CanonicalId) VALUES ('aaaaaaaa')")
    // SQLite can be told to look for missing parents only when it commits.
    store.writer.exec("PRAGMA defer_foreign_keys = ON; INSERT INTO identifiers VALUES ('a', 'b', 'c', 'missing1', '')")
    assert.strictEqual(await errorOf(run(one, "COMMIT")), 1452)
    assert.deepEqual(await run(other, statements.countFree), { rows: [[0]] })
    await run(other, "INSERT IGNORE INTO canonical_ids (CanonicalId) VALUES ('bbbbbbbb')")
    assert.deepEqual(await run(one, statements.countFree), { rows: [[1]] })
  })

  it("say in their answers whether they are open", async () => {
    await using engine = await started()
    await using client = await clientOf(engine)
    const status = async (sql: string): Promise<number> =>
      (await client.query<ResultSetHeader>(sql))[0].serverStatus ?? 0
    assert.deepEqual([await status("BEGIN"), await status("COMMIT"), await status("ROLLBACK")], [3, 2, 2])
  })
})

describe("named locks", () => {
  it("have one holder, who may take them twice and loses them with its connection", async () => {
    await using engine = await started()
    await using client = await clientOf(engine)
    const holder = await clientOf(engine)
    const got = async (who: Client, seconds: number) =>
      (await rowsOf(who, "SELECT GET_LOCK(?, ?) AS acquired", ["m", seconds]))[0]?.[0]
    const released = async (who: Client) => (await rowsOf(who, "SELECT RELEASE_LOCK(?)", ["m"]))[0]?.[0]
    assert.strictEqual(await released(client), null)
    assert.strictEqual(await got(holder, 1), 1)
    assert.strictEqual(await got(holder, 1), 1)
    assert.strictEqual(await got(client, 0), 0)
    assert.strictEqual(await released(client), 0)
    assert.strictEqual(await released(holder), 1)
    const waiting = got(client, -1)
    assert.isTrue(await pending(waiting))
    holder.destroy()
    assert.strictEqual(await waiting, 1)
    assert.deepEqual<unknown>((await client.query("SELECT RELEASE_LOCK('m')"))[0], [{ "RELEASE_LOCK(?)": 1 }])
    assert.deepEqual<unknown>((await client.query("SELECT GET_LOCK('m', 10) AS acquired"))[0], [{ acquired: 1 }])
  })
})
