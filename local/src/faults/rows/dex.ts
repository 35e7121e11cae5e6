/** What may go wrong between SQL Server, DEX's API and S3, and what has to come of it. */
import { archiveOf, archives, clients, expectWhole, keyOf } from "../archive.ts"
import { expect, expectSame, type Row } from "../Row.ts"
import type { Planted, World } from "../World.ts"

const { run, verify } = archives
const always = 10_000

/** The rows. */
export const dexRows = (world: World): ReadonlyArray<Row> => {
  const archive = archiveOf(world)
  const plant = (sandbox: string, operation: string, fault: object, times = 1): Planted =>
    world.plant(sandbox, { match: { operation, function: run }, times, fault })

  /** A fault that the run gets over by itself. */
  const passes = (fault: string, begin: () => Planted): Row => ({
    fault,
    expected: "all twelve archived by the same run, with the bytes that the API sent",
    run: async () => {
      const date = archive.day()
      const planted = begin()
      const { error, summary } = await archive.run({ triggerDate: date })
      expect(planted.take(), "it did not happen")
      expectSame(summary?.successful_archives, clients.length, error || "archived")
      await expectWhole(archive, date)
      return "12 archived"
    }
  })

  /** A fault of one client's: the others are archived, and a run later archives it too. */
  const fails = (fault: string, wrong: object, error: string, times = 1): Row => ({
    fault,
    expected: `one client fails ("${error}"), eleven are archived; the next run archives it`,
    run: async () => {
      const date = archive.day()
      const planted = world.plant("dex", { match: { operation: "trigger", function: run }, times, fault: wrong })
      const { summary } = await archive.run({ triggerDate: date, clientIds: [500] })
      expect(planted.take(), "it did not happen")
      expectSame([summary?.failed_archives, summary?.errors[0]?.error], [1, error], "the summary")
      expectSame((await archive.objects(date)).size, 0, "objects")
      await archive.whole(date)
      await expectWhole(archive, date)
      return `"${error}"; then 12 archived`
    }
  })

  /** A fault for which there is no summary: the invocation is rejected, so that the alarm rings. */
  const rejects = (fault: string, begin: () => Planted, error: string): Row => ({
    fault,
    expected: `rejected (${error}), nothing archived; the next run archives all`,
    run: async () => {
      const date = archive.day()
      const planted = begin()
      const rejected = await archive.run({ triggerDate: date })
      planted.take()
      expect(rejected.summary === undefined && new RegExp(error).test(rejected.error), JSON.stringify(rejected))
      expectSame((await archive.objects(date)).size, 0, "objects")
      await world.closeBreakers("dex-")
      await archive.whole(date)
      await expectWhole(archive, date)
      return `${rejected.error}; then 12 archived`
    }
  })

  const notFetched = "Failed to fetch trigger data from API"
  return [
    passes("none: a day of twelve clients", () => plant("aws", "PutObject", { delayMs: 0 })),
    passes("a deadlock in SQL Server (1205)", () => plant("sqlserver", "query", { error: 1205 })),
    passes("the database is being moved (40613)", () => plant("sqlserver", "login", { error: 40_613 })),
    passes("SQL Server's connection is cut at the login", () => plant("sqlserver", "login", { reset: true })),
    passes("SQL Server's connection is cut in the middle of the rows", () =>
      plant("sqlserver", "query", { commitThenReset: true })
    ),
    passes("SQL Server's rows are cut short", () => plant("sqlserver", "query", { truncate: 40 })),
    rejects("SQL Server refuses the login (18456)", () => plant("sqlserver", "login", { error: 18_456 }, always), ".+"),
    passes("the token endpoint fails once (500)", () => plant("dex", "token", { status: 500 })),
    passes("the token's connection is cut", () => plant("dex", "token", { reset: true })),
    rejects("the token is refused (401)", () => plant("dex", "token", { error: "invalid_client" }, always), ".+"),
    passes("the token is taken back in the middle of a run (401)", () => plant("dex", "trigger", { status: 401 })),
    passes("the API fails twice (500)", () => plant("dex", "trigger", { status: 500 }, 2)),
    passes("the API is throttled (429, Retry-After 1)", () =>
      plant("dex", "trigger", { status: 429, headers: { "retry-after": "1" } })
    ),
    passes("the API does not answer in time", () => plant("dex", "trigger", { delayMs: 2_500 })),
    passes("the API's connection is cut", () => plant("dex", "trigger", { reset: true })),
    passes("the API's answer is lost", () => plant("dex", "trigger", { commitThenReset: true })),
    passes("the API's answer is cut short", () => plant("dex", "trigger", { truncate: 5 })),
    fails(
      "the API answers 200 with a page",
      { status: 200, headers: { "content-type": "text/html" }, body: "<html>" },
      notFetched
    ),
    fails("the API answers JSON that breaks off", { status: 200, body: '{"cut": ' }, notFetched),
    fails("the API answers nothing (204)", { status: 204 }, "Empty response"),
    fails("the API does not know the client (404)", { status: 404 }, notFetched),
    fails("the API forbids the client (403)", { status: 403 }, notFetched),
    passes("S3 is throttled (SlowDown)", () => plant("aws", "PutObject", { error: "SlowDown", status: 503 })),
    passes("S3's connection is cut", () => plant("aws", "PutObject", { reset: true })),
    passes("S3 writes, and the answer is lost", () => plant("aws", "PutObject", { commitThenReset: true })),
    passes("two writers meet in S3 (409 ConditionalRequestConflict)", () =>
      plant("aws", "PutObject", { error: "ConditionalRequestConflict", status: 409 })
    ),
    passes("the secrets are throttled", () => plant("aws", "GetSecretValue", { error: "ThrottlingException" })),
    rejects(
      "the secrets may not be read",
      () => plant("aws", "GetSecretValue", { error: "AccessDeniedException" }, always),
      ".+"
    ),
    {
      fault: "somebody else has archived the same day (412)",
      expected: "successes; nothing is written",
      run: async () => {
        const date = archive.day()
        await archive.whole(date)
        const written = (): number =>
          world
            .journal("aws")
            .filter(({ function: by, operation, status }) => by === run && operation === "PutObject" && status === 200)
            .length
        const before = written()
        expectSame((await archive.whole(date)).successful_archives, clients.length, "archived")
        expectSame(written(), before, "objects written")
        await expectWhole(archive, date)
        return "12 successes, nothing written"
      }
    },
    {
      fault: "another document lies where a client's is to be (412, then If-Match)",
      expected: "replaced by what the API sent; nothing is written without a condition",
      run: async () => {
        const date = archive.day()
        await archive.put(keyOf(500, date), '{"other": true}')
        await archive.whole(date)
        await expectWhole(archive, date)
        const blind = world
          .journal("aws")
          .filter(
            ({ function: by, headers, operation }) =>
              by === run &&
              operation === "PutObject" &&
              headers["if-none-match"] === undefined &&
              headers["if-match"] === undefined
          )
        expectSame(blind.length, 0, "writes without a condition")
        return "replaced, under If-Match"
      }
    },
    {
      fault: "two runs of a day at the same time",
      expected: "one object for each client",
      run: async () => {
        const date = archive.day()
        const runs = await Promise.all([archive.run({ triggerDate: date }), archive.run({ triggerDate: date })])
        for (const { summary } of runs) expectSame(summary?.successful_archives, clients.length, "archived")
        await expectWhole(archive, date)
        return "12 and 12, twelve objects"
      }
    },
    {
      fault: "rows whose id is none, and a client twice",
      expected: "each its own failure, no key, no request; the others archived once",
      run: async () => {
        const date = archive.day()
        const strange = [
          { clientId: "../secrets", name: "x" },
          { clientId: -7, name: "y" },
          { clientId: null, name: null }
        ]
        await archive.clients([...clients, ...strange, { clientId: 500, name: "Acme again" }])
        const { summary } = await archive.run({ triggerDate: date })
        await archive.clients(clients)
        expectSame(
          [summary?.successful_archives, summary?.failed_archives],
          [clients.length, strange.length],
          "the summary"
        )
        expect(
          [...(await archive.objects()).keys()].every((key) => /^trigger\/(\d+)\/\1_trigger_\d{8}\.json$/.test(key)),
          "a key escaped"
        )
        return "12 archived, 3 failed, no key of theirs"
      }
    },
    {
      fault: "an object is lost, and another is changed",
      expected: "the verification names both; its events bring them back",
      run: async () => {
        const date = archive.day()
        await archive.whole(date)
        await archive.put(keyOf(501, date), '{"changed": true}')
        await archive.remove(keyOf(502, date))
        const { body } = await world.invoke(verify, { triggerDate: date })
        const found = ["missing", "altered"].map((list) => (body[list] as ReadonlyArray<object>).length)
        expectSame(found, [1, 1], "missing and altered")
        for (const event of body["backfill"] as ReadonlyArray<object>) await archive.run(event)
        await expectWhole(archive, date)
        return "brought back"
      }
    }
  ]
}
