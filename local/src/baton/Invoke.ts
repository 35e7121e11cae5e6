/** How the simulated orchestrator reaches the function: what it sends, and what an invocation can come to. */
import { InvokeCommand, type LambdaClient, LambdaServiceException } from "@aws-sdk/client-lambda"

/** One privacy request of one person, as the orchestrator has it. */
export interface Workflow {
  readonly identityId: string
  readonly email: string
  readonly requestType: "delete" | "export"
  readonly regulation?: "GDPR" | "CCPA"
  readonly correlationId: string
}

/** What the function is invoked with. */
export type BatonEvent =
  | { readonly action: "initiate"; readonly payload: Workflow }
  | {
      readonly action: "status"
      readonly payload: { readonly mparticleRequestId: string; readonly correlationId: string }
    }

/** An invocation that Lambda carried out; `functionError` when the function itself failed. */
export interface Invoked {
  readonly functionError?: string
  readonly payload: unknown
}

/** Invokes the function. Rejects when Lambda did not take the call: with {@link InvokeRefused} when it never will. */
export type Invoke = (event: BatonEvent) => Promise<Invoked>

/** Lambda refuses the call as it is, so that sending it again is of no use. */
export class InvokeRefused extends Error {
  override readonly name = "InvokeRefused"
}

/** Client errors that time can heal: a timeout of the request, and throttling. */
const passing = new Set([408, 429])

const isRefusal = (error: unknown): boolean => {
  const status = error instanceof LambdaServiceException ? error.$metadata.httpStatusCode : undefined
  return status !== undefined && status >= 400 && status < 500 && !passing.has(status)
}

/** Invokes a function through the Lambda API. The client should not retry by itself: the orchestrator counts attempts. */
export const lambdaInvoke =
  (client: LambdaClient, functionName: string): Invoke =>
  async (event) => {
    const command = new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(event) })
    const { FunctionError, Payload } = await client.send(command).catch((error: unknown) => {
      throw isRefusal(error) ? new InvokeRefused(String(error), { cause: error }) : error
    })
    const payload: unknown = JSON.parse(Payload?.transformToString() ?? "null")
    return FunctionError === undefined ? { payload } : { functionError: FunctionError, payload }
  }
