/** The peer of `mparticle-api-http`. */
import { randomUUID, verify, X509Certificate } from "node:crypto"
import { readFile } from "node:fs/promises"
import { MetricUnit } from "@aws-lambda-powertools/metrics"
import * as z from "zod"
import { type ApiGatewayEvent, apiGatewayEvent, type ApiGatewayResult, bodyOf, header } from "./shared/events.ts"
import { logger, metricsOf, observed } from "./shared/observed.ts"
import * as requests from "./shared/requests.ts"
import { setting } from "./shared/setting.ts"

const metrics = metricsOf("MParticleAPI")

const submission = z.object({
  email: requests.email,
  type: z.enum(["delete", "ccpa_delete", "gdpr_delete", "export"]),
  regulation: requests.regulation.nullish()
})

const callback = z.looseObject({
  controller_id: z.string(),
  expected_completion_time: z.string().optional(),
  status_callback_url: z.string().optional(),
  subject_request_id: requests.requestId,
  request_status: z.enum(["pending", "in_progress", "completed", "cancelled"]),
  results_url: z.url().nullish()
})

const events = z.object({
  events: z
    .array(
      z.object({
        event_type: z.string().min(1),
        user_id: requests.identityId,
        timestamp_unixtime_ms: z.number().int().optional(),
        data: z.record(z.string(), z.unknown()).optional()
      })
    )
    .min(1)
    .max(100)
})

const statusOf: Readonly<Record<string, number>> = {
  VALIDATION_ERROR: 400,
  CERTIFICATE_VALIDATION_ERROR: 401,
  REQUEST_NOT_FOUND: 404,
  NOT_FOUND: 404,
  DATABASE_ERROR: 500,
  CONFIGURATION_ERROR: 500,
  MPARTICLE_API_ERROR: 502
}

const parsed = <Body>(schema: z.ZodType<Body>, event: ApiGatewayEvent): Body => {
  const issue = (issues: unknown): Error =>
    new requests.ServiceError("VALIDATION_ERROR", "The request is not valid", false, { issues })
  let body: unknown
  try {
    body = JSON.parse(bodyOf(event).toString("utf8"))
  } catch {
    throw issue([{ path: "", reason: "expected valid JSON" }])
  }
  const decoded = schema.safeParse(body)
  if (!decoded.success) {
    throw issue(decoded.error.issues.map(({ message, path }) => ({ path: path.join("."), reason: message })))
  }
  return decoded.data
}

const certificates = new Map<string, X509Certificate>()

const certificateOf = async (domain: string): Promise<X509Certificate> => {
  const known = certificates.get(domain)
  if (known !== undefined) return known
  const discovery = await fetch(`${setting("MPARTICLE_DSR_URL")}/discovery`, { signal: AbortSignal.timeout(3_000) })
  const { processor_certificate: url } = z.object({ processor_certificate: z.url() }).parse(await discovery.json())
  const certificate = new X509Certificate(await (await fetch(url)).text())
  if (certificate.checkHost(domain) === undefined || new Date(certificate.validTo) < new Date()) {
    throw new requests.ServiceError("CERTIFICATE_VALIDATION_ERROR", "the certificate is not valid", false)
  }
  certificates.set(domain, certificate)
  return certificate
}

const verified = async (event: ApiGatewayEvent): Promise<void> => {
  const refused = new requests.ServiceError("CERTIFICATE_VALIDATION_ERROR", "the callback is not signed", false)
  const signature = header(event, "x-opendsr-signature")
  const domain = header(event, "x-opendsr-processor-domain")
  if (signature === undefined || domain === undefined) throw refused
  const { publicKey } = await certificateOf(domain)
  if (!verify("sha256", bodyOf(event), publicKey, Buffer.from(signature, "base64"))) throw refused
}

const respond = async (event: ApiGatewayEvent, correlationId: string): Promise<readonly [number, unknown]> => {
  const [, root, id, last] = event.path.split("/")
  const route = `${event.httpMethod} /${root}${id === undefined ? "" : "/{id}"}${last === undefined ? "" : `/${last}`}`
  switch (route) {
    case "POST /data-subject-requests": {
      const { email, regulation, type } = parsed(submission, event)
      const record = await requests.submit({
        identityId: email,
        email,
        type: type === "export" ? "export" : "delete",
        regulation: regulation ?? (type === "ccpa_delete" ? "CCPA" : "GDPR"),
        correlationId
      })
      return [201, { id: record.id, email, type, submittedAt: record.submittedAt, status: record.status }]
    }
    case "GET /data-subject-requests/{id}": {
      const record = await requests.find(requests.requestId.parse(id))
      return [200, { ...record, downloadUrls: await requests.downloadUrls(record) }]
    }
    case "POST /data-subject-requests/{id}/callback": {
      await verified(event)
      const body = parsed(callback, event)
      const record = await requests.find(body.subject_request_id)
      if (typeof body.results_url === "string") {
        const results = await fetch(body.results_url)
        await requests.copyResults(record, new Uint8Array(await results.arrayBuffer()))
      }
      return [202, { status: "received", message: "Callback accepted and processed" }]
    }
    case "POST /events": {
      const body = parsed(events, event)
      await fetch(`${setting("MPARTICLE_EVENTS_URL")}/events`, { method: "POST", body: JSON.stringify(body) })
      return [200, { events_processed: body.events.length, status: "success" }]
    }
    case "GET /health": {
      await requests.warm()
      return [200, { status: "healthy", timestamp: new Date().toISOString() }]
    }
    case "GET /openapi.json":
      return [200, JSON.parse(await readFile(new URL("openapi.json", import.meta.url), "utf8"))]
    default:
      throw new requests.ServiceError("NOT_FOUND", "there is no such route", false)
  }
}

const result = (statusCode: number, body: unknown, requestId: string, correlationId: string): ApiGatewayResult => ({
  statusCode,
  headers: {
    "content-type": "application/json",
    "x-contract-version": "1.1.0",
    "x-request-id": requestId,
    "x-correlation-id": correlationId
  },
  body: JSON.stringify(body)
})

/** Answers API Gateway. */
export const handler = observed({
  metrics,
  scheduledWarmUp: true,
  warm: requests.warm,
  event: apiGatewayEvent,
  handle: async (event, { awsRequestId }) => {
    const correlationId = header(event, "x-correlation-id") ?? randomUUID()
    const requestId = event.requestContext.requestId ?? awsRequestId
    logger.appendKeys({ correlationId })
    try {
      const [status, body] = await respond(event, correlationId)
      return result(status, body, requestId, correlationId)
    } catch (error) {
      logger.error("the request failed", { error: error instanceof Error ? error : String(error) })
      const known =
        error instanceof requests.ServiceError
          ? error
          : new requests.ServiceError("INTERNAL_ERROR", "an unexpected error", false)
      if (known.code === "INTERNAL_ERROR") metrics.addMetric("Defects", MetricUnit.Count, 1)
      const { code, details, message, retryable } = known
      const facts = { timestamp: new Date().toISOString(), request_id: requestId }
      const body = { error: { code, message, details: { retryable, ...details } }, ...facts }
      return result(statusOf[code] ?? 500, body, requestId, correlationId)
    }
  }
})
