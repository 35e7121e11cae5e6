/** Everything a call to Baton's function can fail with. No message holds personal data. */
import * as Data from "effect/Data"
import type { ErrorCode } from "../../schemas/ErrorCode.ts"
import { type Issue, render } from "../../schemas/Issue.ts"

/** What an answer says of a failure beside its code. */
export interface RefusalFacts {
  readonly message: string
  /** Whether the same call can succeed later. */
  readonly retryable: boolean
  /** Seconds that the service asks to wait before that. */
  readonly retryAfterSeconds?: number
  /** mParticle's own words, where it is mParticle that refused. */
  readonly mparticleError?: string
  /** The request that the failure is about. */
  readonly requestId?: string
  readonly reason?: string
  /** What is wrong with the input, field by field. */
  readonly issues?: ReadonlyArray<Issue>
  readonly correlationId?: string
}

/** The service answered with a documented code, which is also the error's tag: `catchTag("REQUEST_NOT_FOUND", …)`. */
export class Refusal<Code extends ErrorCode> extends Data.Error<RefusalFacts & { readonly code: Code }> {
  readonly _tag: Code
  override readonly name = "Refusal"
  constructor(facts: RefusalFacts & { readonly code: Code }) {
    super(facts)
    this._tag = facts.code
  }
}

/** A refusal with any of the documented codes. */
export type AnyRefusal = { readonly [Code in ErrorCode]: Refusal<Code> }[ErrorCode]

/** The service answered with a code that this version of the SDK does not know; `retryable` holds all the same. */
export class UnknownRefusal extends Data.TaggedError("UnknownRefusal")<RefusalFacts & { readonly code: string }> {}

/** The function itself failed: it crashed, ran out of time, or has a defect. What became of the call is not known. */
export class FunctionFailed extends Data.TaggedError("FunctionFailed")<{
  /** Lambda's name for the failure, such as `Runtime.ExitError` or `Sandbox.Timedout`. */
  readonly errorType: string
}> {
  override get message(): string {
    return `The function failed (${this.errorType})`
  }
  /** Whether the process died or ran out of time; a defect would show again. */
  get retryable(): boolean {
    return /^(?:Runtime|Sandbox|Extension)\.|^DeadlineExceeded$/.test(this.errorType)
  }
}

/** The function answered something that is not in the contract. What became of the call is not known. */
export class UndecodableAnswer extends Data.TaggedError("UndecodableAnswer")<{
  readonly issues: ReadonlyArray<Issue>
  /** The version of the contract that the answer names, where it can be read. */
  readonly contractVersion?: string
}> {
  readonly retryable = false
  override get message(): string {
    const version = this.contractVersion === undefined ? "" : ` of contract version ${this.contractVersion}`
    return `The answer${version} cannot be read: ${render(this.issues)}`
  }
}

/** Lambda turned the call away for now: it was not carried out. */
export class Throttled extends Data.TaggedError("Throttled")<{ readonly retryAfterSeconds?: number }> {
  readonly retryable = true
  override get message(): string {
    return "Lambda throttled the call"
  }
}

/** Lambda could not be reached, or refused the call. */
export class InvocationFailed extends Data.TaggedError("InvocationFailed")<{
  /** The AWS error's name, such as `AccessDeniedException`, or the network's, such as `ECONNREFUSED`. */
  readonly errorName: string
  readonly status?: number
  readonly retryable: boolean
  /** Whether the function may have been run all the same. */
  readonly ambiguous: boolean
}> {
  override get message(): string {
    return `The function could not be invoked (${this.errorName})`
  }
}

/** No answer came within the time that one attempt has. The function may have been run all the same. */
export class InvocationTimeout extends Data.TaggedError("InvocationTimeout")<{ readonly milliseconds: number }> {
  readonly retryable = true
  override get message(): string {
    return `The function did not answer within ${this.milliseconds} ms`
  }
}

/** Everything that one call can fail with. */
export type CallError =
  | AnyRefusal
  | UnknownRefusal
  | FunctionFailed
  | UndecodableAnswer
  | Throttled
  | InvocationFailed
  | InvocationTimeout

/** The request that was waited for has failed: it was refused or cancelled, and what the person asked has not happened. */
export class RequestFailed extends Data.TaggedError("RequestFailed")<{
  readonly requestId: string
  /** `CANCELLED`, `UNKNOWN_AT_PROCESSOR`, or the code of mParticle's refusal. */
  readonly reason?: string
}> {
  readonly retryable = false
  override get message(): string {
    return `Request ${this.requestId} failed${this.reason === undefined ? "" : ` (${this.reason})`}`
  }
}

/** The schedule ended before the request did. */
export class NotCompleted extends Data.TaggedError("NotCompleted")<{
  readonly requestId: string
  /** The status that was seen last; absent when none could be had. */
  readonly lastStatus?: string
}> {
  readonly retryable = true
  override get message(): string {
    return `Request ${this.requestId} has not come to its end yet (${this.lastStatus ?? "status unknown"})`
  }
}

/** Everything that waiting for a request's end can fail with. */
export type CompletionError = CallError | RequestFailed | NotCompleted

const classes = [
  Refusal,
  UnknownRefusal,
  FunctionFailed,
  UndecodableAnswer,
  Throttled,
  InvocationFailed,
  InvocationTimeout,
  RequestFailed,
  NotCompleted
]

/** Whether something that was caught is an error of this client; `_tag` then tells which. */
export const isBatonError = (error: unknown): error is CompletionError =>
  classes.some((candidate) => error instanceof candidate)
