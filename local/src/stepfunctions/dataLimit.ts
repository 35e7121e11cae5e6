/** How much Step Functions lets through: the input and the output of a state and of an execution. */
import { TaskError } from "./TaskError.ts"

const limitBytes = 256 * 1024

/** Whether a JSON text is too long for Step Functions. */
export const isTooLarge = (text: string): boolean => Buffer.byteLength(text) > limitBytes

/** What then ends the execution. */
export const dataLimitExceeded = (where: string): TaskError =>
  new TaskError(
    "States.DataLimitExceeded",
    `${where} returned a result with a size exceeding the maximum number of bytes service limit.`,
    true
  )
