import {
  type DeleteItemCommandInput,
  GetItemCommand,
  PutItemCommand,
  type TransactWriteItemsCommandInput
} from "@aws-sdk/client-dynamodb"
import { marshall } from "@aws-sdk/util-dynamodb"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { firstBroken } from "../../../src/layers/MParticle/AuditChain.ts"
import { activeLockId } from "../../../src/layers/MParticle/hashing.ts"
import { ConfigurationError, DatabaseError } from "../../../src/schemas/MParticleError.ts"
import { RequestStore } from "../../../src/services/RequestStore.ts"
import { Dynamo, intercepted, layer as dynamo, tableNames } from "../../support/dynamo.ts"
import { parameters, store } from "../../support/mparticle.ts"
import { claimed, lease, live, moved, request } from "../../support/requests.ts"

const broken = () =>
  Promise.reject(
    Object.assign(new Error("who@example.com"), { name: "AccessDeniedException", $metadata: { httpStatusCode: 400 } })
  )

layer(live)("what DynamoDB holds", (it) => {
  it.effect("B-28 keeps no identity in clear in a key", () =>
    Effect.gen(function* () {
      const client = yield* Dynamo
      const record = yield* claimed()
      const lock = activeLockId(record.identityId, record.type)
      assert.notInclude(lock, record.identityId)
      const found = yield* Effect.promise(() =>
        client.send(new GetItemCommand({ TableName: tableNames.dsr, Key: marshall({ id: lock }) }))
      )
      assert.strictEqual(found.Item?.["requestId"]?.S, record.id)
    })
  )

  it.scoped("B-25 claims all or nothing, in one transaction under conditions", () =>
    Effect.gen(function* () {
      const inputs = yield* intercepted<TransactWriteItemsCommandInput, object>("TransactWriteItemsCommand")
      yield* claimed()
      assert.lengthOf(inputs, 1)
      const writes = inputs[0]?.TransactItems ?? []
      assert.deepStrictEqual(
        writes.map(({ Put }) => Put?.TableName),
        [tableNames.dsr, tableNames.correlation, tableNames.dsr, tableNames.dsr]
      )
      for (const { Put } of writes) assert.match(Put?.ConditionExpression ?? "", /^attribute_not_exists/)
    })
  )

  it.scoped("B-28 takes over the lock of a request that ended in a process that died before it freed it", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      const first = yield* claimed()
      const deletes = yield* intercepted<DeleteItemCommandInput, object>("DeleteItemCommand", broken)
      assert.isTrue((yield* moved(first, "completed")).changed, "the end counts, whatever becomes of the lock")
      assert.lengthOf(deletes, 1)
      const next = yield* requests.claim(yield* request({ identityId: first.identityId }), lease)
      assert.isTrue(next.isNew)
      const again = yield* requests.claim(yield* request({ identityId: first.identityId }), lease)
      assert.deepStrictEqual(again, { isNew: false, record: next.record })
    })
  )

  it.effect("B-28 leaves the lock of a later request alone", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      const first = yield* claimed()
      yield* moved(first, "completed")
      const { record: next } = yield* requests.claim(yield* request({ identityId: first.identityId }), lease)
      yield* moved(first, "failed")
      const again = yield* requests.claim(yield* request({ identityId: first.identityId }), lease)
      assert.deepStrictEqual(again, { isNew: false, record: next })
    })
  )

  it.effect("C-32 moves a record on that was moved in the meantime, from where it is", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      const stale = yield* claimed()
      yield* moved(stale, "submitted", { controllerId: "w" })
      const { changed, record } = yield* moved(stale, "completed", { completedAt: "1970-01-02T00:00:00.000Z" })
      assert.isTrue(changed)
      assert.deepInclude(record, { version: 3, controllerId: "w", completedAt: "1970-01-02T00:00:00.000Z" })
      assert.isUndefined(firstBroken(yield* requests.auditTrail(record), record.auditHash))
    })
  )

  it.effect("B-32 says when an item is not what it has to be, and none of its values", () =>
    Effect.gen(function* () {
      const client = yield* Dynamo
      const requests = yield* RequestStore
      const record = yield* claimed()
      yield* Effect.promise(() =>
        client.send(
          new PutItemCommand({ TableName: tableNames.dsr, Item: marshall({ ...record, status: "who@example.com" }) })
        )
      )
      const reason = "a stored item cannot be read"
      const reads: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown>]> = [
        ["get", requests.get(record.id)],
        ["getMany", requests.getMany([record.id])]
      ]
      for (const [operation, read] of reads) {
        assert.deepStrictEqual(yield* Effect.flip(read), new DatabaseError({ operation, reason }))
      }
    })
  )

  it.scoped("B-32 names the error of a write, and never its text", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      const record = yield* claimed()
      for (const command of ["TransactWriteItemsCommand", "UpdateItemCommand"]) {
        yield* intercepted(command, broken)
      }
      const reason = "AccessDeniedException"
      const wanted = yield* request()
      const failures: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown>]> = [
        ["claim", requests.claim(wanted, lease)],
        ["acquire", requests.acquire(record.id, lease, 0)],
        ["release", requests.release(record.id, "owner-1")],
        ["transition", requests.transition(record, "submitted")],
        ["markSynced", requests.markSynced(record.id, "1970-01-02T00:00:00.000Z")]
      ]
      for (const [operation, failing] of failures) {
        assert.deepStrictEqual(yield* Effect.flip(failing), new DatabaseError({ operation, reason }))
      }
    })
  )
})

const without = (name: string) => Layer.provide(store, Layer.merge(dynamo, parameters({ [name]: "" })))

layer(without("dynamodb-table-name"))("without the name of the table", (it) => {
  it.effect("K-07 names the parameter", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      const error = yield* Effect.flip(requests.claim(yield* request(), lease))
      assert.deepStrictEqual(error, new ConfigurationError({ setting: "dynamodb-table-name", reason: "is missing" }))
      assert.deepStrictEqual(yield* Effect.option(requests.get((yield* request()).id)), Option.none())
    })
  )
})
