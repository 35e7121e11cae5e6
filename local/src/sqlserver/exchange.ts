/** Carries out one message of a client as the sandbox's rules say, and writes down what came of it. */
import type { Fault } from "../sandboxes/Faults.ts"
import type { JournalEntry, Sandbox } from "../sandboxes/Sandbox.ts"
import type { Caller } from "../sandboxes/serveHttp.ts"
import { type Answer, cancelledToken, plainAnswer } from "./Answer.ts"
import { deliver, pause, type Stall, type Stop } from "./delivery.ts"
import type { Channel } from "./wire/Channel.ts"

/** One message, as the journal shows it, and what may be done about it. */
export interface Exchange {
  readonly entry: Pick<JournalEntry, "method" | "path" | "operation" | "body">
  /** The names by which rules find it; none for what drivers send on their own, which no rule is meant for. */
  readonly operations: ReadonlyArray<string>
  readonly caller: Caller | undefined
  /** Carries it out. */
  readonly perform: () => Answer
  /** Refuses it with the error of a rule. */
  readonly refuse: (number: number) => Answer
}

/** Where it takes place. */
export interface Place {
  readonly sandbox: Sandbox
  readonly channel: Channel
  readonly packetSize: number
  /** The client does not wait for the answer any more. */
  readonly cancelled: AbortSignal
}

/** About half of the rows, and one at least when there are several. */
const half = (rows: number): number => (rows < 2 ? 0 : Math.floor(rows / 2))

const stopFor = (fault: Fault | undefined, answer: Answer): Stop | undefined => {
  if (fault === undefined) return undefined
  if ("truncate" in fault) return { bytes: fault.truncate }
  return "commitThenReset" in fault ? { rows: half(answer.rows) } : undefined
}

const stallFor = (fault: Fault | undefined, answer: Answer): Stall | undefined =>
  fault !== undefined && "delayMs" in fault && fault.midway === true
    ? { rows: half(answer.rows), millis: fault.delayMs }
    : undefined

/** Whether the connection is cut before anything is carried out. */
const isCutAtOnce = (fault: Fault): boolean =>
  "reset" in fault || ("status" in fault && !("error" in fault)) || ("kill" in fault && fault.afterMs === undefined)

/** Carries it out. Answers whether the connection can be used afterwards. */
export const carryOut = async (exchange: Exchange, place: Place): Promise<boolean> => {
  const { caller, entry: facts, operations } = exchange
  const { cancelled, channel, sandbox } = place
  const known = caller === undefined ? {} : { function: caller.function }
  const entry = sandbox.record({ ...facts, ...known, headers: {} })
  const { method, path } = facts
  const fault =
    operations.length === 0 ? undefined : sandbox.faults.take({ method, path, operation: operations, ...known })
  if (fault !== undefined && "delayMs" in fault && fault.midway !== true) await pause(fault.delayMs, cancelled)
  if (channel.isClosed) return false
  if (cancelled.aborted) return deliver(plainAnswer([cancelledToken()]), place)
  if (fault !== undefined && isCutAtOnce(fault)) {
    if ("kill" in fault) caller?.kill()
    channel.cut()
    return false
  }
  using answer =
    fault !== undefined && "error" in fault ? exchange.refuse(Number(fault.error) || 0) : exchange.perform()
  entry.status = answer.status
  if (fault !== undefined && "commitThenKill" in fault) {
    caller?.kill()
    channel.cut()
    return false
  }
  if (fault !== undefined && "kill" in fault) setTimeout(() => caller?.kill(), fault.afterMs).unref()
  return await deliver(answer, { ...place, stop: stopFor(fault, answer), stall: stallFor(fault, answer) })
}
