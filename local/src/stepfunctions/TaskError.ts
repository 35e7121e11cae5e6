/** The failure of a Task state, named as Step Functions names it. */

/** `name` is what `ErrorEquals` is held against, and the message is the cause. */
export class TaskError extends Error {
  override readonly name: string
  /** The interpreter asks every error for these two. */
  readonly isRetryable: boolean
  readonly isCatchable: boolean

  /** `terminal`: ends the execution past every `Retry` and `Catch`, `States.ALL` included. */
  constructor(name: string, cause: string, terminal = false) {
    super(cause)
    this.name = name
    this.isRetryable = !terminal
    this.isCatchable = !terminal
  }
}
