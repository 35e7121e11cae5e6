/**
 * What both contenders must answer alike. The events are the first ones of `scripts/build/firstEvents.ts`, answered over
 * the AWS of `scripts/build/awsStub.ts`, where tables are empty:
 *
 * | function                                               | its first event                       | the answer                    |
 * | ------------------------------------------------------ | ------------------------------------- | ----------------------------- |
 * | `mparticle-api-lambda`                                 | the status of a request nobody filed  | `REQUEST_NOT_FOUND`           |
 * | `mparticle-api-http`                                   | the same over HTTP                    | 404                           |
 * | `mparticle-api-retry`                                  | a message about such a request        | nothing comes again           |
 * | `mparticle-api-deletion`, `id-minter-sqs`              | a message that is no JSON             | it comes again                |
 * | `mparticle-api-reconcile`, `staging-sweeper`           | the schedule's                        | nothing was to be done        |
 * | `staging`                                              | a webhook without a signature         | an empty document for Twilio  |
 * | `id-minter-stepfunction`                               | an empty list of works                | the rule that it breaks       |
 * | `id-minter-pool`, `id-minter-migrate`                  | a warm-up: the database is not theirs | `warmed`                      |
 * | `dex-trigger-response-archive`, `dex-archive-verify`   | a day; the secret may not be read     | `DexSecretError`              |
 */
import { isDeepStrictEqual } from "node:util"
import type { Answered } from "./coldStart.ts"

type Json = Readonly<Record<string, unknown>>

const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null

const member = (value: unknown, name: string): unknown => (isJson(value) ? value[name] : undefined)

const inner = (value: unknown): unknown => {
  try {
    return JSON.parse(String(value))
  } catch {
    return value
  }
}

/** What is the same whoever answers: not ids, times and wordings. */
const factsOf: Readonly<Record<string, (body: unknown) => unknown>> = {
  "mparticle-api-lambda": (body) => [
    member(body, "success"),
    member(member(body, "error"), "code"),
    member(member(body, "error"), "details")
  ],
  "mparticle-api-http": (body) => [
    member(body, "statusCode"),
    Object.keys(member(body, "headers") ?? {}).toSorted(),
    member(member(inner(member(body, "body")), "error"), "code")
  ],
  staging: (body) => [
    member(body, "statusCode"),
    Object.keys(member(body, "headers") ?? {}).toSorted(),
    member(body, "body")
  ],
  "dex-trigger-response-archive": (body) => [member(body, "errorType"), member(body, "errorMessage")],
  "dex-archive-verify": (body) => [member(body, "errorType"), member(body, "errorMessage")]
}

/** The answers that nobody may come here with, since they would be alike of any two functions. */
const isFailure = (name: string, { kind }: Answered): boolean =>
  kind === "init" || (kind === "error" && !name.startsWith("dex-"))

/** Throws where two contenders did not answer alike, or did not make the same calls for it. */
export const assertAlike = (
  name: string,
  ours: Answered & { readonly calls: ReadonlyArray<string> },
  peers: Answered & { readonly calls: ReadonlyArray<string> }
): void => {
  const facts = ({ body, calls, kind }: typeof ours): unknown => {
    const answer: unknown = JSON.parse(body)
    return [kind, (factsOf[name] ?? ((whole) => whole))(answer), calls.toSorted()]
  }
  if (isFailure(name, ours) || isFailure(name, peers) || !isDeepStrictEqual(facts(ours), facts(peers))) {
    throw new Error(`${name}: the answers are not alike:\n${JSON.stringify([ours, peers], null, 2)}`)
  }
}
