/** The peer of `mparticle-api-lambda`. */
import { randomUUID } from "node:crypto"
import { MetricUnit } from "@aws-lambda-powertools/metrics"
import * as z from "zod"
import { logger, metricsOf, observed } from "./shared/observed.ts"
import * as requests from "./shared/requests.ts"

const metrics = metricsOf("MParticleAPI")

const initiateEvent = z.object({
  action: z.literal("initiate"),
  payload: z.object({
    identityId: requests.identityId,
    email: requests.email,
    requestType: requests.requestType,
    regulation: requests.regulation.nullish().transform((value) => value ?? "GDPR"),
    correlationId: requests.correlationId.nullish()
  })
})

const statusEvent = z.object({
  action: z.literal("status"),
  payload: z.object({ mparticleRequestId: requests.requestId, correlationId: requests.correlationId.nullish() })
})

const request = z.discriminatedUnion("action", [initiateEvent, statusEvent])

const given = z.object({ payload: z.object({ correlationId: requests.correlationId }) })

const contract = { "x-contract-version": "1.1.0" }

const failure = (error: unknown, correlationId: string): object => {
  const known =
    error instanceof requests.ServiceError
      ? error
      : new requests.ServiceError("INTERNAL_ERROR", "an unexpected error", false)
  const details = { retryable: known.retryable, ...known.details }
  return { success: false, error: { code: known.code, message: known.message, details }, correlationId, ...contract }
}

const answer = async (event: unknown, correlationId: string): Promise<object> => {
  const decoded = request.safeParse(event)
  if (!decoded.success) {
    const issues = decoded.error.issues.map(({ message, path }) => ({ path: path.join("."), reason: message }))
    throw new requests.ServiceError("VALIDATION_ERROR", "The request is not valid", false, { issues })
  }
  if (decoded.data.action === "initiate") {
    const { payload } = decoded.data
    const { email, identityId, regulation, requestType: type } = payload
    const record = await requests.submit({ identityId, email, type, regulation, correlationId })
    return { mparticleRequestId: record.id, status: requests.publicStatus(record.status) }
  }
  const record = await requests.find(decoded.data.payload.mparticleRequestId)
  return {
    mparticleRequestId: record.id,
    status: requests.publicStatus(record.status),
    ...(record.completedAt === undefined ? {} : { completedAt: record.completedAt }),
    downloadUrls: await requests.downloadUrls(record)
  }
}

/** Answers initiate and status, told apart by `action`. */
export const handler = observed({
  metrics,
  scheduledWarmUp: true,
  warm: requests.warm,
  event: z.unknown(),
  handle: async (event) => {
    const correlation = given.safeParse(event)
    const correlationId = correlation.success ? correlation.data.payload.correlationId : randomUUID()
    logger.appendKeys({ correlationId })
    metrics.addMetric("BatonRequestsReceived", MetricUnit.Count, 1)
    try {
      const facts = await answer(event, correlationId)
      return { success: true, ...facts, correlationId, timestamp: new Date().toISOString(), ...contract }
    } catch (error) {
      logger.error("the request failed", { error: error instanceof Error ? error : String(error) })
      metrics.addMetric("BatonRequestsFailed", MetricUnit.Count, 1)
      return failure(error, correlationId)
    }
  }
})
