/**
 * Answers an invocation over the Lambda Runtime API directly. Needed in one case: the process must exit after the
 * answer, and only whoever posts the answer knows when it has arrived.
 */
import { request } from "node:http"

interface LambdaFailure {
  readonly errorType: string
  readonly errorMessage: string
  readonly trace: ReadonlyArray<string>
}

const failureOf = (error: unknown): LambdaFailure =>
  error instanceof Error
    ? { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? "").split("\n") }
    : { errorType: typeof error, errorMessage: "the handler failed with something that is not an Error", trace: [] }

/** What a handler ended with. */
export type Answer = { readonly value: unknown } | { readonly error: unknown }

/** Posts the answer of an invocation; resolves when the Runtime API has it, or when it cannot be reached. */
export const post = (runtimeApi: string, requestId: string, answer: Answer): Promise<void> =>
  new Promise((resolve) => {
    const failure = "error" in answer ? failureOf(answer.error) : undefined
    const body = JSON.stringify(failure ?? ("value" in answer ? (answer.value ?? null) : null))
    const outgoing = request(
      `http://${runtimeApi}/2018-06-01/runtime/invocation/${requestId}/${failure === undefined ? "response" : "error"}`,
      {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
          ...(failure === undefined ? {} : { "Lambda-Runtime-Function-Error-Type": failure.errorType })
        }
      },
      (response) => {
        response.resume()
        response.once("close", () => resolve())
      }
    )
    outgoing.once("error", () => resolve())
    outgoing.end(body)
  })
