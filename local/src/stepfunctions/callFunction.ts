/** One attempt of a Task state whose resource is a function, with its failures named as Step Functions names them. */
import type { StateMachine } from "aws-local-stepfunctions"
import { isRecord } from "../isRecord.ts"
import { dataLimitExceeded, isTooLarge } from "./dataLimit.ts"
import { TaskError } from "./TaskError.ts"

/** Any JSON value, as the interpreter types it. */
export type Json = Parameters<StateMachine["run"]>[0]

/** What a function answered, in JSON; `functionError` when it threw. */
export interface FunctionAnswer {
  readonly payload: string
  readonly functionError?: string
}

/** Calls a function. Rejects when the call is not taken, with an error that has the name of the Invoke API's error. */
export type InvokeFunction = (functionName: string, payload: string) => Promise<FunctionAnswer>

const unknown = (payload: string): TaskError =>
  new TaskError(
    "Lambda.Unknown",
    `The cause could not be determined because Lambda did not return an error type. Returned payload: ${payload}`
  )

const thrownBy = (payload: string): TaskError => {
  try {
    const thrown: unknown = JSON.parse(payload)
    const errorType = isRecord(thrown) ? thrown["errorType"] : undefined
    return typeof errorType === "string" && errorType !== "" ? new TaskError(errorType, payload) : unknown(payload)
  } catch {
    return unknown(payload)
  }
}

/** What is no exception of the API is an answer that never came. */
const notTaken = (error: unknown): TaskError => {
  const { name, message } = error instanceof Error ? error : new Error(String(error))
  return new TaskError(`Lambda.${name.endsWith("Exception") ? name : "SdkClientException"}`, message)
}

/** Calls the function, and gives its result or throws a {@link TaskError}. */
export const callFunction = async (
  invoke: InvokeFunction,
  functionName: string,
  stateName: string,
  input: Json
): Promise<Json> => {
  const answer = await invoke(functionName, JSON.stringify(input)).catch((error: unknown) => {
    throw notTaken(error)
  })
  if (answer.functionError !== undefined) throw thrownBy(answer.payload)
  if (isTooLarge(answer.payload)) throw dataLimitExceeded(`The state/task '${stateName}'`)
  return JSON.parse(answer.payload) as Json
}
