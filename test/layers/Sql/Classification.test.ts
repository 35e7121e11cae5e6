import { assert, describe, it } from "@effect/vitest"
import { SqlError } from "@effect/sql/SqlError"
import * as Classification from "../../../src/layers/Sql/Classification.ts"

const errorOf = (cause: unknown): SqlError => new SqlError({ cause, message: "Failed to execute statement" })

const classified = (cause: unknown) => Classification.classify(errorOf(cause))

/** Tag, whether the database counts as out, and the numbers of the errors. */
const table = [
  [
    "DatabaseTransient",
    false,
    { deadlock: 1213, lockWait: 1205, changedSinceRead: 1020, redefined: 1412, reprepare: 1615 }
  ],
  [
    "DatabaseTransient",
    true,
    {
      tooManyConnections: 1040,
      badHost: 1042,
      badHandshake: 1043,
      shuttingDown: 1053,
      commit: 1180,
      rollback: 1181,
      connectionsOfUser: 1203,
      readOnlyOption: 1290,
      interrupted: 1317,
      tooManyPrepared: 1461,
      openTransaction: 1568,
      readOnlyTransaction: 1792,
      readOnlyMode: 1836,
      killed: 1927,
      statementTime: 1969,
      refusedSocket: 2002,
      refusedPort: 2003,
      gone: 2006,
      lost: 2013,
      selectTime: 3024,
      inactive: 4031
    }
  ],
  ["DatabaseAuth", false, { accessDenied: 1045, noPassword: 1698 }],
  [
    "DatabaseDataError",
    false,
    {
      outOfRange: 1264,
      truncated: 1265,
      collations: 1267,
      threeCollations: 1270,
      manyCollations: 1271,
      wrongValue: 1292,
      wrongString: 1366,
      tooLong: 1406,
      noParent: 1452
    }
  ],
  [
    "DatabaseRejected",
    false,
    {
      syntax: 1064,
      noTable: 1146,
      noColumn: 1054,
      noPermission: 1142,
      noDatabase: 1049,
      duplicate: 1062,
      tooManyValues: 1390,
      unknown: 65_000
    }
  ]
] as const

describe("what an error of MySQL means", () => {
  for (const [tag, outage, numbers] of table) {
    for (const [name, errno] of Object.entries<number>(numbers)) {
      it(`${errno} (${name}) is ${tag}${outage ? ", and an outage" : ""}`, () => {
        const error = classified({ errno, code: "ER_NAME", sqlState: "HY000", sql: "secret", message: "secret" })
        assert.deepInclude({ ...error }, { _tag: tag, errno, reason: "ER_NAME" })
        assert.strictEqual(Classification.isOutage(error), outage)
        assert.include(error.message, `(ER_NAME, ${errno})`)
        assert.notInclude(JSON.stringify(error), "secret")
      })
    }
  }

  it.each(["ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EPIPE", "ENOTFOUND", "EAI_AGAIN", "PROTOCOL_CONNECTION_LOST"])(
    "%s, which has no number of MySQL's, is an outage",
    (code) => {
      for (const errno of [undefined, -111, "ETIMEDOUT"]) {
        const error = classified({ code, fatal: true, errno })
        assert.deepInclude({ ...error }, { _tag: "DatabaseTransient", reason: code })
        assert.notProperty(error, "errno")
        assert.isTrue(Classification.isOutage(error))
        assert.include(error.message, `(${code})`)
      }
    }
  )

  it("an error that says nothing is taken for the network's", () => {
    for (const cause of [undefined, null, "text", 7, {}, new Error("Pool is closed.")]) {
      const error = classified(cause)
      assert.deepInclude({ ...error }, { _tag: "DatabaseTransient", reason: "no code" })
      assert.isFalse(Classification.isGone(errorOf(cause)))
    }
  })

  it("a pool is stale when it is refused, or when its server may only be read", () => {
    const stale = new Set([1045, 1698, 1290, 1792, 1836])
    for (const [, , numbers] of table) {
      for (const errno of Object.values<number>(numbers)) {
        assert.strictEqual(Classification.isStale(errorOf({ errno })), stale.has(errno), String(errno))
        assert.strictEqual(Classification.isRefused(errorOf({ errno })), errno === 1045 || errno === 1698)
      }
    }
  })

  it("a connection is gone with an error that the driver calls fatal", () => {
    assert.isTrue(Classification.isGone(errorOf({ fatal: true })))
    assert.isFalse(Classification.isGone(errorOf({ fatal: false, errno: 1213 })))
    assert.isFalse(Classification.isGone(errorOf({ errno: 1213 })))
  })
})
