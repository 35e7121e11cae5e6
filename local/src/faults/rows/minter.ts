/** What may go wrong between works, the database and the indexes, and what has to come of it. */
import { expect, expectSame, type Row } from "../Row.ts"
import { workId } from "../../minter/sampleWork.ts"
import { minters, worksOf } from "../works.ts"
import { eventually, type Planted, type World } from "../World.ts"

const { queue, workflow } = minters
const always = 10_000

/** The rows. */
export const minterRows = (world: World): ReadonlyArray<Row> => {
  const works = worksOf(world)
  const mysql = (path: string, fault: object, times = 1): Planted =>
    world.plant("mysql", { match: { path, operation: "query", function: workflow }, times, fault })
  const elastic = (operation: string, fault: object, times = 1): Planted =>
    world.plant("elasticsearch", { match: { operation, function: workflow }, times, fault })

  /** A fault that passes, or is answered: afterwards the works have one id each, and the same in every answer. */
  const passes = (fault: string, plant: () => Planted, isColdNeeded = false): Row => ({
    fault,
    expected: "tried again inside, or thrown by name; then one id for each key, the same in every answer",
    run: async () => {
      if (isColdNeeded) await world.cold(workflow)
      const values = await works.fresh(3)
      const planted = plant()
      const first = await works.mint(values)
      expect(planted.take(), `it did not happen: ${JSON.stringify(first.body)}`)
      const before = works.idsIn(first)
      if (first.functionError !== undefined) await world.cold(workflow)
      const ids = await works.minted(values)
      for (const [value, id] of before) expectSame(id, ids.get(value), `the id of ${value}`)
      await works.once(ids)
      return first.functionError === undefined
        ? `${before.size} of 3 at once`
        : `${String(first.body["errorType"])}, then 3 of 3`
    }
  })

  const bulkItems = (status: number, type: string): object => ({
    status: 200,
    body: {
      took: 1,
      errors: true,
      items: Array.from({ length: 3 }, () => ({ index: { status, error: { type, reason: "by a rule" } } }))
    }
  })

  /** Notifications that meet a fault; their works are told of in the end. */
  const told = (fault: string, plant: () => Planted, deliveries = 1): Row => ({
    fault,
    expected: "the messages come again: one id each, and the next one is told of every work",
    run: async () => {
      const values = await works.fresh(3)
      const planted = plant()
      for (const value of values) for (let at = 0; at < deliveries; at += 1) await works.notify(value)
      const heard = new Set<string>()
      await eventually(async () => {
        for (const body of await world.queues.takeAll("idMinterDownstream")) {
          heard.add((JSON.parse(body) as { readonly Message: string }).Message)
        }
        const target = await works.target()
        const names = new Set([...heard].map((id) => target.get(id)))
        expect(
          values.every((value) => names.has(value)),
          `${names.size} of ${values.length} are told of`
        )
      })
      expect(planted.take(), "it did not happen")
      await eventually(async () => expectSame(await world.queues.count("idMinter"), 0, "messages left"))
      await works.once(await works.minted(values))
      return "told of each; the queue is empty"
    }
  })
  const aws = (operation: string, fault: object, times = 1): Planted =>
    world.plant("aws", { match: { operation, function: queue }, times, fault })

  return [
    passes("a deadlock at INSERT (1213)", () => mysql("INSERT", { error: 1213 })),
    passes("a lock is waited for too long (1205)", () => mysql("UPDATE", { error: 1205 })),
    passes("the connection is cut at the lookup", () => mysql("SELECT", { reset: true })),
    passes("the connection is cut at INSERT", () => mysql("INSERT", { reset: true })),
    passes("the lookup's answer is cut short", () => mysql("SELECT", { truncate: 6 })),
    passes("COMMIT is refused (1180)", () => mysql("COMMIT", { error: 1180 })),
    passes("COMMIT: cut before it is carried out", () => mysql("COMMIT", { reset: true })),
    passes("COMMIT: carried out, and the answer is lost (unknown)", () => mysql("COMMIT", { commitThenReset: true })),
    passes("the transaction cannot be rolled back either", () => mysql("UPDATE|ROLLBACK", { error: 1205 }, 2)),
    passes(
      "the server has too many connections (1040)",
      () => world.plant("mysql", { match: { operation: "login", function: workflow }, fault: { error: 1040 } }),
      true
    ),
    passes(
      "the login is refused once (1045, a rotation)",
      () => world.plant("mysql", { match: { operation: "login", function: workflow }, fault: { error: 1045 } }),
      true
    ),
    passes("the database answers after two seconds", () => mysql("INSERT", { delayMs: 2_000 })),
    passes("Elasticsearch is busy at the read (429)", () => elastic("_mget", { status: 429 })),
    passes("Elasticsearch is out at the read (503)", () => elastic("_mget", { status: 503 }, 2)),
    passes("Elasticsearch's answer to the read is cut short", () => elastic("_mget", { truncate: 20 })),
    passes("Elasticsearch answers the read with a page", () =>
      elastic("_mget", { status: 200, headers: { "content-type": "text/html" }, body: "<html>" })
    ),
    passes("Elasticsearch refuses the credentials (401)", () => elastic("_mget", { status: 401 })),
    passes("Elasticsearch is busy at the write (429)", () => elastic("_bulk", { status: 429 })),
    passes("Elasticsearch writes, and the answer is lost", () => elastic("_bulk", { commitThenReset: true })),
    passes("Elasticsearch finds the batch too large (413)", () => elastic("_bulk", { status: 413 })),
    passes("Elasticsearch refuses each work of the batch (400)", () =>
      elastic("_bulk", bulkItems(400, "mapper_parsing_exception"))
    ),
    passes("Elasticsearch is busy for each work of the batch (429)", () =>
      elastic("_bulk", bulkItems(429, "es_rejected_execution_exception"))
    ),
    {
      fault: "Elasticsearch has newer copies of the works (version conflicts)",
      expected: "successes: nothing is left to do",
      run: async () => {
        const values = await works.fresh(3)
        const planted = elastic("_bulk", bulkItems(409, "version_conflict_engine_exception"))
        const answer = await works.mint(values)
        expect(planted.take(), "it did not happen")
        expectSame([works.idsIn(answer).size, answer.body["failures"]], [3, []], "the answer")
        return "3 successes"
      }
    },
    {
      fault: "a work that does not exist, among good ones",
      expected: "its own failure; the others are minted",
      run: async () => {
        const values = await works.fresh(2)
        const { body } = await works.mint([...values, "nobody-has-it"])
        const failures = body["failures"] as ReadonlyArray<{ readonly sourceIdentifier: string }>
        expectSame(
          failures.map(({ sourceIdentifier }) => sourceIdentifier),
          [workId("nobody-has-it")],
          "the failures"
        )
        return "2 minted, 1 failure"
      }
    },
    {
      fault: "ten workflows mint the same new works at the same time",
      expected: "one id for each, the same for all",
      run: async () => {
        const values = await works.fresh(5)
        const all = await Promise.all(Array.from({ length: 10 }, () => works.minted(values)))
        const [first = new Map<string, string>()] = all
        for (const ids of all) expectSame([...ids].toSorted(), [...first].toSorted(), "the ids")
        await works.once(first)
        return "five ids, ten times the same"
      }
    },
    {
      fault: "the database refuses everything for a while",
      expected: "thrown by name; when it is back the same call mints",
      run: async () => {
        const values = await works.fresh(2)
        const planted = world.plant("mysql", { match: { function: workflow }, times: always, fault: { reset: true } })
        const { body, functionError } = await works.mint(values)
        planted.take()
        expect(functionError !== undefined, JSON.stringify(body))
        await world.closeBreakers("id-minter-")
        await works.once(await works.minted(values))
        return `${String(body["errorType"])}; then minted`
      }
    },
    told("a work's message comes three times", () => aws("SendMessageBatch", { delayMs: 0 }), 3),
    told("the next queue is unavailable", () => aws("SendMessageBatch", { error: "ServiceUnavailable", status: 503 })),
    told("the next queue takes it, and the answer is lost", () => aws("SendMessageBatch", { commitThenReset: true })),
    told("the queue's function is killed before it tells", () => aws("SendMessageBatch", { kill: true })),
    told("the queue's function meets a deadlock", () =>
      world.plant("mysql", { match: { path: "INSERT", operation: "query", function: queue }, fault: { error: 1213 } })
    ),
    {
      fault: "messages that cannot be read, among good ones (poison)",
      expected: "the good one is told of; the others are dead letters",
      run: async () => {
        const [value = ""] = await works.fresh(1)
        for (const body of ["not JSON", '{"Type":"Notification"}']) await world.queues.send("idMinter", body)
        await works.notify(value)
        await eventually(async () => expectSame(await world.queues.count("idMinterDlq"), 2, "dead letters"))
        await works.once(await works.minted([value]))
        await world.queues.takeAll("idMinterDlq")
        return "two dead letters"
      }
    },
    {
      fault: "the pool is filled up twice at the same time",
      expected: "full, and no id twice",
      run: async () => {
        const runs = await Promise.all([1, 2].map(() => world.invoke(minters.pool, {})))
        expect(
          runs.every(({ functionError }) => functionError === undefined),
          JSON.stringify(runs)
        )
        expectSame((await works.broken()) ?? 0, 0, "wrong ids")
        return `${runs.map(({ body }) => String(body["added"])).join(" and ")} added`
      }
    }
  ]
}
