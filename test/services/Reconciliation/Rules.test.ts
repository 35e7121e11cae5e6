import { assert, describe, it } from "@effect/vitest"
import type { RequestRecord } from "../../../src/schemas/DataSubjectRequest.ts"
import { type Duty, dutyOf, lastTurn, type Stuck, stuckIn } from "../../../src/services/Reconciliation/Rules.ts"
import { daysAgo, minutesAgo, noon, recordWith } from "../../support/records.ts"

const { expectedCompletionTime: _, ...unacknowledged } = recordWith({ status: "submitted" })

const completedExport: Partial<RequestRecord> = { type: "export", status: "completed", completedAt: minutesAgo(1) }

describe("what a request needs", () => {
  const needs = (record: RequestRecord): Duty | undefined => dutyOf(record, noon, 900_000)

  const cases: ReadonlyArray<readonly [string, Partial<RequestRecord>, Duty | undefined]> = [
    ["T-57 one that was never sent is sent", { status: "received", submittedAt: minutesAgo(15) }, "send"],
    ["T-57 so is one that waits in the queue", { status: "queued", submittedAt: minutesAgo(15) }, "send"],
    ["T-57 one that is being filed is left alone", { status: "received", submittedAt: minutesAgo(14) }, undefined],
    ["F-04 one that somebody sends just now is left alone", { status: "queued", leaseUntil: noon + 1 }, undefined],
    ["B-25 one whose lease has lapsed is not", { status: "received", leaseUntil: noon }, "send"],
    [
      "T-57 one that somebody asks for again and again is sent all the same",
      { status: "queued", lastSyncedAt: minutesAgo(1) },
      "send"
    ],
    ["ST-10 one that was not compared for 15 minutes is", { lastSyncedAt: minutesAgo(15) }, "refresh"],
    ["ST-10 in progress too", { status: "in_progress", lastSyncedAt: minutesAgo(15) }, "refresh"],
    ["ST-11 one that was compared since is not", { lastSyncedAt: minutesAgo(14) }, undefined],
    ["ST-11 nor one that has changed since", { updatedAt: minutesAgo(14) }, undefined],
    ["ST-17 results that were not copied are, at once", { ...completedExport, updatedAt: daysAgo(0) }, "copy"],
    ["ST-20 an export without results needs nothing", { ...completedExport, resultLocations: [] }, undefined],
    ["T-76 nor does one whose results have expired", { ...completedExport, failureReason: "EXPIRED" }, undefined],
    ["C-31 nor a completed erasure", { status: "completed" }, undefined],
    ["C-31 nor anything that has failed", { status: "failed", type: "export" }, undefined]
  ]

  for (const [name, overrides, duty] of cases) {
    it(name, () => assert.strictEqual(needs(recordWith(overrides)), duty))
  }

  it("has had its turn when it was compared, or else when it changed", () => {
    assert.strictEqual(lastTurn(recordWith({ updatedAt: daysAgo(2) })), daysAgo(2))
    assert.strictEqual(lastTurn(recordWith({ updatedAt: daysAgo(2), lastSyncedAt: daysAgo(1) })), daysAgo(1))
  })
})

describe("when a request is stuck", () => {
  const day = 86_400_000

  /** The first millisecond at which a record is stuck, counted from when it was filed, and how. */
  const begins = (record: RequestRecord, kind: Stuck, atMillis: number): void => {
    const at = Date.parse(record.submittedAt) + atMillis
    assert.isUndefined(stuckIn(record, at), "not yet")
    assert.strictEqual(stuckIn(record, at + 1), kind)
  }

  it("O-08 T-67 an erasure with its completion on day 14 is not on day 5, in whatever state, and is on day 16", () => {
    for (const status of ["submitted", "in_progress"] as const) {
      const record = recordWith({ status, submittedAt: daysAgo(0), expectedCompletionTime: daysAgo(-14) })
      assert.isUndefined(stuckIn(record, noon + 5 * day))
      assert.isUndefined(stuckIn(record, noon + 14 * day))
      assert.strictEqual(stuckIn(record, noon + 16 * day), "overdue")
      begins(record, "overdue", 15 * day)
    }
  })

  it("T-67 one that is not sent is a day after it was filed, whatever happened since", () => {
    for (const status of ["received", "queued"] as const) {
      begins(recordWith({ status, submittedAt: daysAgo(9), updatedAt: daysAgo(0) }), "unsent", day)
    }
  })

  it("T-67 one for which mParticle has named no time is a day after it was filed", () => {
    begins(unacknowledged, "unacknowledged", day)
  })

  it("T-67 one that mParticle works on without a time is after the longest that an erasure takes, and a day", () => {
    begins({ ...unacknowledged, status: "in_progress" }, "overdue", 22 * day)
  })

  it("T-76 a completed export is when its results are not copied for a day, long before they expire", () => {
    const record = recordWith({ ...completedExport, submittedAt: daysAgo(9), completedAt: daysAgo(3) })
    begins(record, "uncopied", 7 * day)
    const { completedAt: _at, ...without } = record
    begins({ ...without, updatedAt: daysAgo(4) }, "uncopied", 6 * day)
  })

  it("T-67 nothing that has ended is, however long ago", () => {
    const ended: ReadonlyArray<Partial<RequestRecord>> = [
      { status: "completed" },
      { status: "failed" },
      { ...completedExport, resultLocations: ["s3://results/a.zip"] },
      { ...completedExport, failureReason: "RESULTS_EXPIRED" }
    ]
    for (const overrides of ended) assert.isUndefined(stuckIn(recordWith(overrides), noon + 80 * day))
  })
})
