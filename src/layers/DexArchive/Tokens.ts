/** The token of one run: got once, shared by all of its calls, got anew before it expires and when it is refused. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { type ApiSecret, TokenAnswer } from "../../schemas/DexArchive.ts"
import { DexTokenError } from "../../schemas/DexArchiveError.ts"
import { remainingMillis } from "../../services/Deadline.ts"
import { callTimeout } from "../../services/Resilience/callTimeout.ts"
import { parseRetryAfter } from "../../services/Resilience/parseRetryAfter.ts"
import * as Retry from "../../services/Resilience/Retry.ts"
import * as Schedules from "../../services/Resilience/Schedules.ts"
import * as Spans from "../../services/Spans.ts"
import { isSafeUrl } from "../Setting.ts"

const scope = "dex/trigger:all"
const timeoutMillis = 10_000

/** A token is not used any more when it has less than this left: a call takes a while. */
const marginMillis = 60_000

/** How long a token is used whose life nobody has told (RFC 6749 recommends to tell it). */
const unknownLifeMillis = 300_000

interface Token {
  readonly value: string
  readonly until: number
}

/** The tokens of a run. */
export interface Tokens {
  /** The token to use now. */
  readonly current: Effect.Effect<string, DexTokenError>
  /**
   * The token to use after this one was refused: however many callers had it refused, one new one is got. The same one
   * where it replaces a refused one itself, and nobody was let through with it: a third would not do better.
   */
  readonly after: (refused: string) => Effect.Effect<string, DexTokenError>
  /** Notes that a call was let through with this token. */
  readonly accepted: (value: string) => void
}

const failed = (reason: string, retryable: boolean, retryAfterMillis?: number): DexTokenError =>
  new DexTokenError({ reason, retryable, ...(retryAfterMillis === undefined ? {} : { retryAfterMillis }) })

const decode = Schema.decodeUnknownEither(TokenAnswer)

/** Gets the first token; fails where there is none to be had. */
export const make = (
  http: HttpClient.HttpClient,
  credentials: typeof ApiSecret.Type
): Effect.Effect<Tokens, DexTokenError> =>
  Effect.gen(function* () {
    const url = URL.parse(credentials.token_url)
    if (url === null || !isSafeUrl(url)) return yield* failed("token_url must be an https URL", false)
    const request = HttpClientRequest.post(url).pipe(
      HttpClientRequest.acceptJson,
      HttpClientRequest.bodyUrlParams({
        grant_type: "client_credentials",
        client_id: credentials.client_id,
        client_secret: credentials.client_secret,
        scope
      })
    )

    const attempt: Effect.Effect<Token, DexTokenError> = Effect.gen(function* () {
      const { headers, status, text } = yield* http.execute(request).pipe(
        Effect.flatMap((response) =>
          Effect.map(response.text, (text) => ({ status: response.status, headers: response.headers, text }))
        ),
        Effect.mapError(() => failed("no answer", true)),
        callTimeout({
          upstream: "the token endpoint",
          milliseconds: Math.max(1, Math.min(timeoutMillis, yield* remainingMillis))
        }),
        Effect.catchTag("CallTimeout", (error) => Effect.fail(failed(error.message, true)))
      )
      const now = yield* Clock.currentTimeMillis
      if (status < 200 || status > 299) {
        const isTransient = status === 429 || status >= 500
        return yield* failed(`status ${status}`, isTransient, parseRetryAfter(headers["retry-after"], now))
      }
      const answer = decode(text)
      if (Either.isLeft(answer)) return yield* failed("the answer has no access_token", false)
      const { access_token: value, expires_in: seconds, token_type: type } = answer.right
      if (typeof type === "string" && type.toLowerCase() !== "bearer") return yield* failed("no Bearer token", false)
      const life = typeof seconds === "number" && seconds > 0 ? seconds * 1000 : unknownLifeMillis
      // A token that lives shorter than the margin is used for as long as it lives: there is no better one.
      return { value, until: now + (life > marginMillis ? life - marginMillis : life) }
    }).pipe(Spans.withSpan("DEX token POST", { kind: "client", attributes: { "http.request.method": "POST" } }))

    const get = Retry.retry(attempt, {
      schedule: Schedules.dex(3),
      while: (error) => error.retryable,
      retryAfterMillis: (error) => error.retryAfterMillis
    })

    const one = yield* Effect.makeSemaphore(1)
    let token = yield* get
    /** Whether it was got because another one was refused, and no call was let through with it yet. */
    let isOnTrial = false
    const renewed = (isOld: (known: Token, now: number) => boolean, forRefused: boolean) =>
      one.withPermits(1)(
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          isOld(token, now)
            ? Effect.map(get, (fresh) => {
                token = fresh
                isOnTrial = forRefused
                return fresh.value
              })
            : Effect.succeed(token.value)
        )
      )
    return {
      current: Effect.flatMap(Clock.currentTimeMillis, (now) =>
        now < token.until ? Effect.succeed(token.value) : renewed((known, later) => later >= known.until, false)
      ),
      after: (refused) => renewed(({ value }) => value === refused && !isOnTrial, true),
      accepted: (value) => {
        if (value === token.value) isOnTrial = false
      }
    }
  })
