/** The platform's Lambda as state machines call it. */
import { functionArn } from "../functions/functionArn.ts"
import type { Lambda, Refusal } from "../functions/Lambda.ts"
import type { InvokeFunction } from "./callFunction.ts"

const named = (name: string, message: string): Error => Object.assign(new Error(message), { name })

const exceptionOf = ({ error, status }: Refusal): string => {
  if (error !== undefined) return error
  if (status === 429) return "TooManyRequestsException"
  return status >= 500 ? "ServiceException" : "AWSLambdaException"
}

/** Calls functions through Lambda's front, so that the rules of the `lambda` sandbox hold for state machines too. */
export const invokeThrough =
  (lambda: Pick<Lambda, "has" | "invoke">): InvokeFunction =>
  async (functionName, payload) => {
    if (!lambda.has(functionName)) {
      throw named("ResourceNotFoundException", `Function not found: ${functionArn(functionName)}`)
    }
    const outcome = await lambda.invoke({ name: functionName, payload })
    if (outcome.kind === "refused") {
      const exception = exceptionOf(outcome)
      throw named(exception, `${exception} (status ${outcome.status}, by a rule of the lambda sandbox)`)
    }
    if (outcome.kind === "cut" || outcome.truncate !== undefined) {
      throw named("SdkClientException", "the connection was cut before the whole answer came")
    }
    return outcome.result
  }
