/**
 * Everything around Staging's protocol in memory: the tables and queues, Twilio, who calls and calls again, and the
 * consumer as its contract has it (A1.11). What happens in which order, and what fails, is the history's choice.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { Channel, InboundMessage, ParkedMessage, Trigger } from "../../src/schemas/Staging.ts"
import { primaryChannel } from "../../src/schemas/Staging.ts"
import { meaningOf } from "../../src/schemas/StagingCode.ts"
import { type AnyFailure, failure } from "../../src/schemas/StagingError.ts"
import type { ConversationsShape } from "../../src/services/Conversations.ts"
import type { Claim, Lease, Progress, StageStoreShape, Way } from "../../src/services/StageStore.ts"
import type { StagingQueuesShape } from "../../src/services/StagingQueues.ts"
import { type Failures, Simulation } from "./simulation.ts"

/** Seconds that messages are gathered for. */
export const windowSeconds = 10

/** How long SQS hides a message that the consumer has. */
const visibilityMillis = 905_000

interface Row extends InboundMessage {
  readonly conversationId: string
}

interface Tombstone {
  readonly conversationId: string
  readonly way: Way
  done: boolean
  lease?: Lease | undefined
}

interface Lock {
  readonly claim: Claim
  readonly expiresAt: number
  state: "PENDING" | "QUEUED"
}

interface Queued {
  readonly trigger: Trigger
  visibleAt: number
}

interface ParkedEntry {
  readonly message: ParkedMessage
  visibleAt: number
}

interface ConversationState {
  status: string
  startedAt: number
  /** Whether the customer has asked for a human. */
  human: boolean
}

/** How an attempt ended: with success, kept for later, refused for good, to be tried again, or with the process. */
type Answer = "taken" | "kept" | "refused" | "again" | "crashed"

/** What was promised of a message, and what came of it. */
export interface Outcome {
  readonly sid: string
  readonly conversationId: string
  retriesLeft: number
  readonly answers: Array<Answer>
  rowsMade: number
  timesRead: number
  timesHandedOver: number
  parked: boolean
}

/** What is around the system. */
export interface World {
  /** Whether a consumer that finds another one at work drops its trigger, as A1.11 has it, or has it again later. */
  readonly dropsWhenBusy: boolean
  /** Whether the sweeper is run. */
  readonly hasSweeper: boolean
  /** Whether the consumer's steps can fail, too. */
  readonly consumerFails: boolean
}

/** The system under test: what takes a webhook's message, and what looks after the rest. */
export interface System {
  readonly receive: (message: InboundMessage, conversationId: string) => Effect.Effect<unknown, AnyFailure>
  readonly sweep: Effect.Effect<unknown, unknown>
}

const isSame = (one: Claim, other: Claim): boolean => one.owner === other.owner && one.triggerAt === other.triggerAt

const faultsOf = <Transient extends Parameters<typeof failure>[0], Permanent extends Parameters<typeof failure>[0]>(
  transient: Transient,
  permanent: Permanent
) => ({ transient: failure(transient, "simulated"), permanent: failure(permanent, "simulated") })

const stageFaults = faultsOf("STAGE_DB_TRANSIENT_ERROR", "STAGE_WRITE_ERROR")
const lockFaults = faultsOf("TRIGGER_DB_TRANSIENT_ERROR", "TRIGGER_LOCK_WRITE_ERROR")
const queueFaults = faultsOf("SQS_TRANSIENT_ERROR", "SQS_SEND_ERROR")
const readFaults = faultsOf("DB_TRANSIENT_ERROR", "DB_GET_ITEM_ERROR")
const findFaults = faultsOf("DB_TRANSIENT_ERROR", "DB_QUERY_ERROR")

export const start = 1_700_000_000_000

/** The world. */
export class StagingModel {
  readonly simulation = new Simulation(start)
  readonly rows = new Map<string, Row>()
  readonly tombstones = new Map<string, Tombstone>()
  readonly locks = new Map<string, Lock>()
  triggers: ReadonlyArray<Queued> = []
  parked: ReadonlyArray<ParkedEntry> = []
  readonly conversations = new Map<string, ConversationState>()
  readonly outcomes = new Map<string, Outcome>()
  /** The most triggers of one conversation that were to come at the same moment. */
  mostLive = 0
  private system: System | undefined
  private readonly world: World

  constructor(world: World) {
    this.world = world
  }

  use(system: System): void {
    this.system = system
  }

  private step<A, T, P>(name: string, faults: Failures<T, P>, carryOut: () => A): Effect.Effect<A, T | P> {
    return this.simulation.step(name, faults, carryOut)
  }

  private consumerStep<A>(name: string, carryOut: () => A): Effect.Effect<A, AnyFailure> {
    return this.simulation.step(`consumer ${name}`, readFaults, carryOut, !this.world.consumerFails)
  }

  private stateOf(conversationId: string): ConversationState {
    const known = this.conversations.get(conversationId) ?? { status: "reply_sent", startedAt: 0, human: false }
    this.conversations.set(conversationId, known)
    return known
  }

  private makeRow(conversationId: string, message: InboundMessage): void {
    this.rows.set(message.message_sid, { ...message, conversationId })
    const outcome = this.outcomes.get(message.message_sid)
    if (outcome !== undefined) outcome.rowsMade += 1
  }

  /** As the seed writes it: whatever was there before. */
  readonly putRow = (conversationId: string, message: InboundMessage) =>
    this.step("PutItem stage", stageFaults, () => this.makeRow(conversationId, message))

  /** As the seed takes it: never from anybody, however old. */
  readonly putLock = (conversationId: string) =>
    this.step("PutItem lock", lockFaults, () => {
      if (this.locks.has(conversationId)) return false
      const claim = { conversationId, owner: "seed", triggerAt: 0 }
      this.locks.set(conversationId, { claim, expiresAt: this.simulation.now + 70_000, state: "PENDING" })
      return true
    })

  private progressOf({ message_sid: sid }: InboundMessage): Progress {
    const tombstone = this.tombstones.get(sid)
    if (tombstone === undefined) return { state: "new" }
    const { conversationId, done, way } = tombstone
    return done ? { state: "done" } : { state: "known", conversationId, way }
  }

  readonly store: StageStoreShape = {
    stage: (conversationId, message) =>
      this.step("TransactWriteItems stage", stageFaults, () => {
        const known = this.progressOf(message)
        if (known.state !== "new") return known
        this.tombstones.set(message.message_sid, { conversationId, way: { to: message.channel_type }, done: false })
        this.makeRow(conversationId, message)
        return known
      }),
    reserve: (conversationId, message, reason, lease) =>
      this.step("PutItem tombstone", stageFaults, () => {
        const known = this.progressOf(message)
        if (known.state === "new") {
          const way = { to: "handoff", reason } as const
          this.tombstones.set(message.message_sid, { conversationId, way, done: false, lease })
        }
        return known
      }),
    lease: (message, lease) =>
      this.step("UpdateItem lease", stageFaults, () => {
        const tombstone = this.tombstones.get(message.message_sid)
        if (tombstone === undefined) return "leased"
        if (tombstone.done) return "sent"
        const { lease: other } = tombstone
        if (other !== undefined && other.until > this.simulation.now && other.by !== lease.by) return "sending"
        tombstone.lease = lease
        return "leased"
      }),
    giveBack: (message, { by }) =>
      this.step("UpdateItem give back", stageFaults, () => {
        const tombstone = this.tombstones.get(message.message_sid)
        if (tombstone?.lease?.by === by) tombstone.lease = undefined
      }),
    progress: (message) => this.step("GetItem tombstone", stageFaults, () => this.progressOf(message)),
    claim: (claim) =>
      this.step("PutItem lock", lockFaults, () => {
        const { now } = this.simulation
        const lock = this.locks.get(claim.conversationId)
        const isOver =
          lock === undefined ||
          lock.expiresAt <= Math.floor(now / 1000) ||
          (lock.claim.owner === claim.owner && lock.state === "PENDING") ||
          (lock.claim.triggerAt <= now + 1_000 &&
            (claim.patientWith === undefined ||
              lock.state === "PENDING" ||
              !lock.claim.owner.startsWith(claim.patientWith)))
        if (!isOver) return lock.state === "QUEUED" ? "queued" : "pending"
        const expiresAt = Math.floor(claim.triggerAt / 1000) + 60
        this.locks.set(claim.conversationId, { claim, expiresAt, state: "PENDING" })
        return "acquired"
      }),
    release: (claim) =>
      this.step("DeleteItem lock", lockFaults, () => {
        const lock = this.locks.get(claim.conversationId)
        if (lock !== undefined && isSame(lock.claim, claim) && lock.state === "PENDING") {
          this.locks.delete(claim.conversationId)
        }
      }),
    settle: ({ claim, message }) =>
      this.step("TransactWriteItems settle", stageFaults, () => {
        const lock = claim === undefined ? undefined : this.locks.get(claim.conversationId)
        if (lock !== undefined && claim !== undefined && isSame(lock.claim, claim)) lock.state = "QUEUED"
        const tombstone = message === undefined ? undefined : this.tombstones.get(message.message_sid)
        if (tombstone !== undefined) tombstone.done = true
      }),
    waiting: (before) =>
      this.step("Scan", stageFaults, () => {
        const old = [...this.rows.values()].filter((row) => Date.parse(row.received_at) < before)
        const byConversation = new Map(old.map((row) => [row.conversationId, row]))
        return [...byConversation.values()].map((row) => ({
          conversationId: row.conversationId,
          primaryChannel: primaryChannel(row),
          channel: row.channel_type
        }))
      })
  }

  readonly queues: StagingQueuesShape = {
    trigger: (_channel: Channel, trigger, delaySeconds) =>
      this.step("SendMessage trigger", queueFaults, () => {
        const { now } = this.simulation
        this.triggers = [...this.triggers, { trigger, visibleAt: now + delaySeconds * 1000 }]
        const live = this.triggers.filter(
          (one) => one.trigger.conversation_id === trigger.conversation_id && one.visibleAt > now
        )
        this.mostLive = Math.max(this.mostLive, live.length)
      }),
    handOff: ({ message_sid: sid }) =>
      this.step("SendMessage handoff", queueFaults, () => {
        const outcome = this.outcomes.get(sid)
        if (outcome !== undefined) outcome.timesHandedOver += 1
      }),
    park: (message) =>
      this.step("SendMessage park", queueFaults, () => {
        this.parked = [...this.parked, { message, visibleAt: this.simulation.now }]
        const outcome = this.outcomes.get(message.message.message_sid)
        if (outcome !== undefined) outcome.parked = true
      }),
    parked: Effect.suspend(() =>
      this.step("ReceiveMessage", queueFaults, () => {
        const { now } = this.simulation
        const visible = this.parked.filter(({ visibleAt }) => visibleAt <= now).slice(0, 10)
        for (const entry of visible) entry.visibleAt = now + 60_000
        return visible.map((entry) => ({
          id: String(this.handleOf(entry)),
          handle: String(this.handleOf(entry)),
          receives: 1,
          message: entry.message
        }))
      })
    ),
    unpark: ({ handle }) =>
      this.step("DeleteMessage", queueFaults, () => {
        this.parked = this.parked.filter((entry) => String(this.handleOf(entry)) !== handle)
      }),
    keep: ({ handle }, seconds) =>
      this.step("ChangeMessageVisibility", queueFaults, () => {
        const entry = this.parked.find((one) => String(this.handleOf(one)) === handle)
        if (entry !== undefined) entry.visibleAt = this.simulation.now + seconds * 1_000
      })
  }

  private readonly handles = new Map<ParkedEntry, number>()

  private handleOf(entry: ParkedEntry): number {
    const known = this.handles.get(entry) ?? this.handles.size
    this.handles.set(entry, known)
    return known
  }

  readonly lookup: ConversationsShape = {
    find: (_channel, company) =>
      this.step("Query", findFaults, () => ({ conversationId: company, credentialRef: "secret" })),
    get: (_customer, conversationId) =>
      this.step("GetItem", readFaults, () => {
        const { human, startedAt, status } = this.stateOf(conversationId)
        return {
          project_status: "active",
          allowed_channels: ["whatsapp"],
          conversation_status: status,
          processing_started_at: startedAt,
          hand_off_to_human: human
        }
      })
  }

  /** Twilio has a message; it calls at once, and again when that fails, as often as it is set up to. */
  send(conversation: number, retries: number): void {
    const sid = `SM${this.outcomes.size}`
    const conversationId = `c${conversation}`
    const outcome: Outcome = {
      sid,
      conversationId,
      retriesLeft: retries,
      answers: [],
      rowsMade: 0,
      timesRead: 0,
      timesHandedOver: 0,
      parked: false
    }
    this.outcomes.set(sid, outcome)
    this.attempt(outcome)
  }

  private attempt(outcome: Outcome): void {
    const message: InboundMessage = {
      channel_type: "whatsapp",
      message_sid: outcome.sid,
      from: `whatsapp:+${outcome.conversationId}`,
      to: outcome.conversationId,
      body: "",
      num_media: 0,
      media: [],
      received_at: new Date(this.simulation.now).toISOString()
    }
    const receive = this.system?.receive(message, outcome.conversationId) ?? Effect.void
    this.simulation.run(receive, (exit) => {
      const answer = answerOf(exit)
      outcome.answers.push(answer)
      if ((answer === "again" || answer === "crashed") && outcome.retriesLeft > 0) {
        outcome.retriesLeft -= 1
        this.attempt(outcome)
      }
    })
  }

  /** A consumer takes one of the triggers that are to be seen. */
  consume(choice: number): void {
    const { now } = this.simulation
    const visible = this.triggers.filter(({ visibleAt }) => visibleAt <= now)
    const queued = visible[choice % Math.max(1, visible.length)]
    if (queued === undefined) return
    queued.visibleAt = now + visibilityMillis
    this.simulation.run(this.consumer(queued), () => {})
  }

  private consumer(queued: Queued): Effect.Effect<void, AnyFailure> {
    const { conversation_id: id } = queued.trigger
    const state = this.stateOf(id)
    const done = this.consumerStep("deletes the trigger", () => {
      this.triggers = this.triggers.filter((other) => other !== queued)
    })
    return Effect.gen(this, function* () {
      const mine = yield* this.consumerStep("begins", () => {
        const isBusy = state.status === "processing_reply" && this.simulation.now - state.startedAt <= visibilityMillis
        if (isBusy) return false
        state.status = "processing_reply"
        state.startedAt = this.simulation.now
        return true
      })
      if (!mine) return this.world.dropsWhenBusy ? yield* done : undefined
      const batch = yield* this.consumerStep("reads", () =>
        [...this.rows.values()].filter((row) => row.conversationId === id)
      )
      yield* this.consumerStep("replies", () => {
        state.status = "reply_sent"
        for (const row of batch) {
          const outcome = this.outcomes.get(row.message_sid)
          if (outcome !== undefined) outcome.timesRead += 1
        }
      })
      yield* this.consumerStep("deletes rows", () => {
        for (const row of batch) this.rows.delete(row.message_sid)
      })
      yield* this.consumerStep("deletes the lock", () => void this.locks.delete(id))
      yield* done
    })
  }

  /** The customer asks for a human, or needs none any more. */
  flip(conversation: number): void {
    const state = this.stateOf(`c${conversation}`)
    state.human = !state.human
  }

  sweep(): void {
    if (this.system !== undefined && this.world.hasSweeper) this.simulation.run(this.system.sweep, () => {})
  }

  private finishSteps(): void {
    for (let left = 10_000; left > 0 && !this.simulation.isIdle; left -= 1) {
      if (this.simulation.steps.length > 0) this.simulation.take(0, "ok")
      else this.simulation.advance(1_000)
    }
  }

  /** Nothing fails any more, and there is time for everything: what is still there after that stays for ever. */
  quiesce(): void {
    this.finishSteps()
    for (let round = 0; round < 12; round += 1) {
      this.simulation.advance(1_000_000)
      this.sweep()
      this.finishSteps()
      this.simulation.advance(1)
      while (this.triggers.some(({ visibleAt }) => visibleAt <= this.simulation.now)) {
        this.consume(0)
        this.finishSteps()
      }
      if (this.triggers.length > 0) continue
      if (!this.world.hasSweeper || (this.rows.size === 0 && this.parked.length === 0)) return
    }
  }
}

/** Before a message is authenticated a lasting fault of ours is answered, and nothing is kept. */
const beforeAuthentication: ReadonlySet<string> = new Set(["DB_QUERY_ERROR"])

const answerOf = (exit: Exit.Exit<unknown, AnyFailure> | undefined): Answer => {
  if (exit === undefined) return "crashed"
  if (Exit.isSuccess(exit)) return "taken"
  const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
  if (error === undefined) return "crashed"
  const { authenticated, transient } = meaningOf(error.code)
  if (transient) return "again"
  return authenticated === "answer" || beforeAuthentication.has(error.code) ? "refused" : "kept"
}
