/** Queues' messages, state machines' requests and schedules' events, damaged: each fails alone, and as documented. */
import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Event, handle as archive } from "../../src/handlers/DexArchive/Archive.ts"
import { handle as verify } from "../../src/handlers/DexArchive/Verify.ts"
import * as Lambda from "../../src/handlers/Lambda.ts"
import { handle as deleteAll } from "../../src/handlers/MParticleDeletion.ts"
import { handle as retryAll } from "../../src/handlers/MParticleRetry.ts"
import {
  DeletionMessage,
  Notification,
  SubscriptionConfirmation,
  UserDeletion
} from "../../src/schemas/DeletionMessage.ts"
import { ArchiveEvent, VerifyEvent } from "../../src/schemas/DexArchive.ts"
import { FallbackMessage } from "../../src/schemas/FallbackMessage.ts"
import { MintNotification, MintRequest, MintResponse } from "../../src/schemas/IdMinter.ts"
import * as Issue from "../../src/schemas/Issue.ts"
import { ApiGatewayEvent, ScheduledEvent, SqsEvent, type SqsRecord, WarmUp } from "../../src/schemas/LambdaEvent.ts"
import { Deletion } from "../../src/services/Deletion.ts"
import { DexArchive, DexVerification } from "../../src/services/DexArchive.ts"
import { during, inMemory } from "../support/baton.ts"
import { written } from "../support/logs.ts"
import { MemoryStore } from "../support/memoryStore.ts"
import { minterWorld } from "../support/minter.ts"
import { listed, sqs, stepFunction } from "../support/minterCalls.ts"
import { Upstream } from "../support/mparticle.ts"
import { assertHidden, assertIssues, canary, holds, options, timeout } from "./support/Fuzz.ts"
import { damaged, documents, encoded, parsed, several, texts, values } from "./support/Hostile.ts"

const invocation = { requestId: "lambda-1", answerAtDeadline: () => undefined }

/** Messages with these bodies; what stands beside a body is odd as well. */
const recordsOf = (bodies: FastCheck.Arbitrary<string>): FastCheck.Arbitrary<ReadonlyArray<SqsRecord>> =>
  several(
    FastCheck.record({
      body: bodies,
      attributes: FastCheck.record({ AWSTraceHeader: texts, MessageGroupId: texts }, { requiredKeys: [] }),
      trace: texts
    }),
    16
  ).map((all) =>
    all.map(({ attributes, body, trace }, at) => ({
      messageId: `m-${at}`,
      body,
      attributes,
      messageAttributes: { other: { stringValue: trace } }
    }))
  )

/** The messages that can be read, by their ids. */
const readableIn = <A, I>(schema: Schema.Schema<A, I>, records: ReadonlyArray<SqsRecord>): ReadonlyMap<string, A> => {
  const decode = Schema.decodeUnknownEither(Schema.parseJson(schema))
  return new Map(
    records.flatMap(({ body, messageId }) => {
      const message = decode(body)
      if (Either.isRight(message)) return [[messageId, message.right] as const]
      assertIssues(Issue.fromParseError(message.left))
      return []
    })
  )
}

const unreadableIn = (records: ReadonlyArray<SqsRecord>, readable: ReadonlyMap<string, unknown>) =>
  records.flatMap(({ messageId }) => (readable.has(messageId) ? [] : [messageId]))

describe("a queue's message", () => {
  const deletions = FastCheck.oneof(encoded(UserDeletion), encoded(Notification), encoded(SubscriptionConfirmation))

  it.effect.prop(
    "of the deletion queue that cannot be read comes again, and nobody is deleted but whom the others name",
    [recordsOf(documents(deletions))],
    ([Records]) =>
      Effect.gen(function* () {
        const removed: Array<unknown> = []
        const deletion = Layer.succeed(Deletion, { remove: (person) => Effect.sync(() => void removed.push(person)) })
        const readable = readableIn(DeletionMessage, Records)
        const { exit, text } = yield* written(Effect.provide(deleteAll({ Records }, invocation), deletion))
        assert.deepStrictEqual(listed(yield* exit), unreadableIn(Records, readable))
        assert.deepStrictEqual(
          removed,
          [...readable.values()].flatMap((message) =>
            "SubscribeURL" in message ? [] : ["Message" in message ? message.Message : message]
          )
        )
        if (![...readable.values()].some((message) => "SubscribeURL" in message)) assertHidden("a line", text)
      }),
    options(2)
  )

  it.effect.prop(
    "of the fallback queue that cannot be read comes again, and nothing is asked for it",
    [recordsOf(documents(encoded(FallbackMessage)))],
    ([Records]) =>
      Effect.gen(function* () {
        const readable = readableIn(FallbackMessage, Records)
        const { exit, text } = yield* written(during("20 seconds")(retryAll({ Records }, invocation)))
        assert.includeMembers([...listed(yield* exit)], [...unreadableIn(Records, readable)])
        assertHidden("a line", text)
        const { calls, events, queued } = yield* Upstream
        assert.deepStrictEqual([calls, events, queued], [[], [], []])
        // The store knows none of the requests: each message that can be read is looked up, and no other.
        assert.isAtMost((yield* MemoryStore).operations.length, readable.size)
      }).pipe(inMemory()),
    options(0.5)
  )

  it.effect.prop(
    "of the minter's queue that cannot be read comes again, and its neighbour is minted",
    [recordsOf(documents(encoded(MintNotification)))],
    ([records]) =>
      Effect.gen(function* () {
        const good = "Work[sierra-system-number/b1161044x]"
        const world = minterWorld(good)
        const Records = [...records, { messageId: "good", body: JSON.stringify({ Message: good }) }]
        const { exit, text } = yield* written(sqs(world, Records))
        const again = listed(yield* exit)
        assert.sameMembers(
          [...again],
          records.map(({ messageId }) => messageId)
        )
        assert.lengthOf(world.told, 1)
        const unreadable = unreadableIn(records, readableIn(MintNotification, records))
        if (unreadable.length === records.length) assertHidden("a line", text)
      }),
    options(2)
  )

  it("is in an event that is one of SQS's or is refused", { timeout }, () => {
    const decode = Schema.decodeUnknownEither(SqsEvent)
    holds(damaged(recordsOf(documents(encoded(FallbackMessage))).map((Records) => ({ Records }))), (spec) => {
      const event = decode(parsed(spec))
      if (Either.isLeft(event)) return assertIssues(Issue.fromParseError(event.left))
      assert.isArray(event.right.Records)
    })
  })
})

describe("a state machine's request", () => {
  const isResponse = Schema.is(MintResponse)

  it.effect.prop(
    "is answered with both lists, or with the rule that it breaks, or fails as no object at all",
    [FastCheck.oneof({ weight: 8, arbitrary: damaged(encoded(MintRequest)) }, { weight: 1, arbitrary: values })],
    ([spec]) =>
      Effect.gen(function* () {
        const world = minterWorld()
        const { exit, text } = yield* written(Effect.either(stepFunction(world, parsed(spec))))
        const outcome = yield* exit
        if (Either.isLeft(outcome)) {
          assert.strictEqual(outcome.left._tag, "InvalidRequest")
          assertHidden("the error", outcome.left.message)
          assertHidden("a line", text)
          assert.deepStrictEqual(world.calls, [])
          return
        }
        assert.isTrue(isResponse(outcome.right))
        for (const { error, sourceIdentifier } of outcome.right.failures) {
          if (sourceIdentifier !== "") continue
          assertHidden("the rule", error)
          assert.deepStrictEqual(world.calls, [])
        }
      }),
    options(4)
  )
})

describe("an event of the archive's", () => {
  const summary = { total_clients: 0, successful_archives: 0, failed_archives: 0, errors: [] }

  it.effect.prop(
    "asks for days and clients that there can be, or is refused",
    [FastCheck.oneof({ weight: 8, arbitrary: damaged(encoded(ArchiveEvent)) }, { weight: 1, arbitrary: values })],
    ([spec]) =>
      Effect.gen(function* () {
        const event = Schema.decodeUnknownEither(Event)(parsed(spec))
        if (Either.isLeft(event)) return assertIssues(Issue.fromParseError(event.left))
        const asked: Array<typeof Event.Type> = []
        const run = Layer.succeed(DexArchive, {
          run: (one) => Effect.sync(() => (asked.push(one as typeof Event.Type), summary))
        })
        const answer = yield* Effect.provide(archive(event.right, invocation), run)
        assert.deepStrictEqual(answer, { statusCode: 200, body: JSON.stringify(summary) })
        assert.isTrue(Schema.is(Schema.typeSchema(ArchiveEvent))(asked[0]))
        for (const id of event.right.clientIds ?? []) assert.match(id, /^\d{1,19}$/)
      }),
    options(4)
  )

  it.effect.prop(
    "names days to verify that there are, in their order, or is refused",
    [FastCheck.oneof({ weight: 8, arbitrary: damaged(encoded(VerifyEvent)) }, { weight: 1, arbitrary: values })],
    ([spec]) =>
      Effect.gen(function* () {
        const event = Schema.decodeUnknownEither(VerifyEvent)(parsed(spec))
        if (Either.isLeft(event)) return assertIssues(Issue.fromParseError(event.left))
        const verified = { checked: 0, missing: [], altered: [], backfill: [] }
        const run = Layer.succeed(DexVerification, { run: () => Effect.succeed(verified) })
        assert.deepStrictEqual(yield* Effect.provide(verify(event.right, invocation), run), verified)
        const days = "from" in event.right ? [event.right.from, event.right.to] : [event.right.triggerDate]
        assert.deepStrictEqual(days, days.toSorted())
        for (const day of days) assert.strictEqual(new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10), day)
      }),
    options(4)
  )
})

describe("the adapter", () => {
  afterEach(() => void vi.restoreAllMocks())

  const isWarmUp = Schema.is(Schema.Union(WarmUp, ScheduledEvent))
  const isRequest = Schema.is(ApiGatewayEvent)
  const ofAnySort = FastCheck.oneof(
    damaged(encoded(ApiGatewayEvent)),
    damaged(FastCheck.constant({ warmup: true })),
    damaged(encoded(ScheduledEvent)),
    values
  )

  it("warms up for nothing but a warm-up, and refuses what is no event without showing it", { timeout }, async () => {
    const output: Array<string> = []
    vi.spyOn(process.stdout, "write").mockImplementation((chunk) => output.push(String(chunk)) > 0)
    const handler = await Lambda.make({
      layer: Layer.empty,
      warmUp: Effect.void,
      scheduledWarmUp: true,
      namespace: "Test",
      event: ApiGatewayEvent,
      handle: () => Effect.succeed("answered")
    })
    await FastCheck.assert(
      FastCheck.asyncProperty(ofAnySort, async (spec) => {
        const event = parsed(spec)
        const answer = await handler(event).then(Exit.succeed, (error: unknown) => Exit.fail(error))
        if (isWarmUp(event)) return assert.deepStrictEqual(answer, Exit.succeed({ warmed: true as const }))
        if (isRequest(event)) return assert.deepStrictEqual(answer, Exit.succeed("answered"))
        assert.isTrue(Exit.isFailure(answer))
        const error = Exit.isFailure(answer) && answer.cause._tag === "Fail" ? answer.cause.error : undefined
        assert.instanceOf(error, Error)
        assert.deepInclude({ ...error, name: error.name }, { name: "InvalidEvent" })
        assertHidden("the error", error.message)
      }),
      options(4).fastCheck
    )
    assert.isAbove(output.length, 1)
    assertHidden("a line", output.join(""))
  })
})

it("what is planted would be seen", () => assert.throws(() => assertHidden("a line", `no: ${canary}`)))
