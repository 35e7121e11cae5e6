/** Why a message was not staged, as values: the documented code is the error's tag. No message holds personal data. */
import * as Data from "effect/Data"
import { meaningOf, type StagingCode } from "./StagingCode.ts"

interface Facts<Code extends StagingCode> {
  readonly code: Code
  /** What went wrong, in words that may be shown: names of fields, settings and AWS errors, never a value. */
  readonly reason: string
}

/** A message was not staged, for a documented reason. */
export class StagingError<Code extends StagingCode> extends Data.Error<Facts<Code>> {
  readonly _tag: Code
  override readonly name = "StagingError"
  constructor(facts: Facts<Code>) {
    super(facts)
    this._tag = facts.code
  }
  /** Whether the same message can be taken a little later. */
  get transient(): boolean {
    return meaningOf(this.code).transient
  }
  override get message(): string {
    return `${this.code}: ${this.reason}`
  }
}

/** An error with one of these codes: `Effect.catchTag("ROUTING_ERROR", …)` finds it by its code. */
export type Failure<Code extends StagingCode> = Code extends StagingCode ? StagingError<Code> : never

/** An error with any of the documented codes. */
export type AnyFailure = Failure<StagingCode>

/** An error with this code. */
export const failure = <Code extends StagingCode>(code: Code, reason: string): Failure<Code> =>
  new StagingError({ code, reason }) as Failure<Code>
