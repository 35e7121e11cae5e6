/** What every peer is wrapped in: Powertools' logger and metrics by way of middy, and the answer to a warm-up. */
import { Logger } from "@aws-lambda-powertools/logger"
import { injectLambdaContext } from "@aws-lambda-powertools/logger/middleware"
import { Metrics } from "@aws-lambda-powertools/metrics"
import { logMetrics } from "@aws-lambda-powertools/metrics/middleware"
import wrapped from "@middy/core"
import * as z from "zod"

/** The logger of the function. */
export const logger = new Logger({ logLevel: "INFO" })

const warmUp = z.union([
  z.strictObject({ warmup: z.literal(true) }),
  z.object({ source: z.literal("aws.events"), "detail-type": z.literal("Scheduled Event") })
])

const byHand = z.strictObject({ warmup: z.literal(true) })

/** The part of Lambda's context that a peer needs. */
export interface PeerContext {
  readonly awsRequestId: string
  readonly getRemainingTimeInMillis: () => number
}

/** How a peer is wrapped. */
export interface ObservedOptions<Event, Answer> {
  readonly metrics: Metrics
  /** Whether EventBridge's event is a warm-up too. */
  readonly scheduledWarmUp?: boolean
  readonly warm?: () => Promise<void>
  readonly event: z.ZodType<Event>
  readonly handle: (event: Event, context: PeerContext) => Promise<Answer>
}

/** The metrics of a function. */
export const metricsOf = (namespace: string): Metrics => new Metrics({ namespace })

/** The error of an event that is not of the shape that the function takes. */
export const invalidEvent = (error: z.ZodError): Error => {
  const issues = error.issues.map(({ code, path }) => `${path.join(".")}: ${code}`)
  return Object.assign(new Error(`The event is not valid: ${issues.join("; ")}`), { name: "InvalidEvent" })
}

/** The Lambda handler of a function. */
export const observed = <Event, Answer>(options: ObservedOptions<Event, Answer>) => {
  const isWarmUp = options.scheduledWarmUp === true ? warmUp : byHand
  return wrapped()
    .use(injectLambdaContext(logger, { clearState: true }))
    .use(logMetrics(options.metrics))
    .handler(async (event: unknown, context: PeerContext): Promise<Answer | { readonly warmed: true }> => {
      if (isWarmUp.safeParse(event).success) {
        await options.warm?.()
        return { warmed: true }
      }
      const decoded = options.event.safeParse(event)
      if (!decoded.success) throw invalidEvent(decoded.error)
      return options.handle(decoded.data, context)
    })
}
