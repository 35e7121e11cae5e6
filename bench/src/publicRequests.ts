/** Every public request: our schema of it, a peer's in zod that takes and refuses the same, and an ordinary example. */
import type * as Schema from "effect/Schema"
import * as z from "zod"
import { InitiateRequest, StatusRequest } from "../../src/schemas/Baton.ts"
import { FlatInitiate, FlatStatus } from "../../src/schemas/BatonFlat.ts"
import { ArchiveEvent, VerifyEvent } from "../../src/schemas/DexArchive.ts"
import { EventsRequest } from "../../src/schemas/Events.ts"
import { HttpSubmission } from "../../src/schemas/Http.ts"
import { MintRequest } from "../../src/schemas/IdMinter.ts"

/** One public request. */
export interface PublicRequest {
  readonly ours: Schema.Schema.AnyNoContext
  readonly zod: z.ZodType
  readonly valid: unknown
  /** Refused by both. */
  readonly invalid: unknown
}

const name = z.string().refine((text) => text.trim().length > 0 && text.length <= 256 && text.isWellFormed())
const requestId = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/)
const email = z
  .string()
  .max(254)
  .regex(
    /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$/
  )
const regulation = z.enum(["GDPR", "CCPA"])
/** Null counts as absent. */
const optional = <T extends z.ZodType>(type: T) => type.nullish().transform((value) => value ?? undefined)
const day = z.string().refine((text) => {
  const millis = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  return !Number.isNaN(millis) && new Date(millis).toISOString().startsWith(text)
})
const clientId = z.string().regex(/^(?:0|[1-9]\d{0,18})$/)
const text = z.string().regex(/\S/)

const flat = <const T extends string, const P extends string>(requestType: T, dataProvider: P) => ({
  requestType: z.literal(requestType),
  dataProvider: z.literal(dataProvider)
})
const flatInitiate = { action: z.literal("initiate"), subjectId: name, subjectEmail: optional(email) }
const flatStatus = { action: z.literal("status"), initiationReference: requestId }
const rer = flat("RER", "mparticlerer")
const sar = flat("SAR", "mparticlesar")

const id = "4c8f1a60-2f0e-4c58-9d0b-3c3f2b1f7a11"

/** By the name of the schema. */
export const publicRequests: Readonly<Record<string, PublicRequest>> = {
  InitiateRequest: {
    ours: InitiateRequest,
    zod: z.object({
      action: z.literal("initiate"),
      payload: z.object({
        identityId: name,
        email,
        requestType: z.enum(["delete", "export"]),
        regulation: regulation.nullish().transform((value) => value ?? "GDPR"),
        correlationId: optional(name)
      })
    }),
    valid: {
      action: "initiate",
      payload: {
        identityId: "200006498",
        email: "person@example.org",
        requestType: "delete",
        regulation: "GDPR",
        correlationId: id
      }
    },
    invalid: { action: "initiate", payload: { identityId: "200006498", email: "person", requestType: "erase" } }
  },
  StatusRequest: {
    ours: StatusRequest,
    zod: z.object({
      action: z.literal("status"),
      payload: z.object({ mparticleRequestId: requestId, correlationId: optional(name) })
    }),
    valid: { action: "status", payload: { mparticleRequestId: id, correlationId: id } },
    invalid: { action: "status", payload: { mparticleRequestId: "" } }
  },
  FlatInitiate: {
    ours: FlatInitiate,
    zod: z.discriminatedUnion("requestType", [
      z.object({ ...rer, ...flatInitiate }),
      z.object({ ...sar, ...flatInitiate })
    ]),
    valid: {
      requestType: "SAR",
      action: "initiate",
      dataProvider: "mparticlesar",
      subjectId: "200006498",
      subjectEmail: "person@example.org"
    },
    invalid: { requestType: "SAR", action: "initiate", dataProvider: "mparticlerer", subjectId: "200006498" }
  },
  FlatStatus: {
    ours: FlatStatus,
    zod: z.discriminatedUnion("requestType", [
      z.object({ ...rer, ...flatStatus }),
      z.object({ ...sar, ...flatStatus })
    ]),
    valid: { requestType: "RER", action: "status", dataProvider: "mparticlerer", initiationReference: id },
    invalid: { requestType: "RER", action: "status", dataProvider: "mparticlerer" }
  },
  HttpSubmission: {
    ours: HttpSubmission,
    zod: z.object({
      email,
      type: z.enum(["delete", "ccpa_delete", "gdpr_delete", "export"]),
      regulation: optional(regulation)
    }),
    valid: { email: "person@example.org", type: "gdpr_delete", regulation: "GDPR" },
    invalid: { email: "person@example", type: "gdpr_delete" }
  },
  EventsRequest: {
    ours: EventsRequest,
    zod: z.object({
      events: z.array(
        z.object({
          event_type: z.string().min(1).max(100),
          data: z.record(z.string(), z.unknown()),
          timestamp: optional(z.number().min(0).max(8_640_000_000_000_000)),
          user_id: optional(name),
          session_id: optional(z.string())
        })
      )
    }),
    valid: {
      events: ["page_view", "article_read", "signed_in"].map((type) => ({
        event_type: type,
        data: { section: "news", depth: 3, custom_attributes: { edition: "uk" } },
        timestamp: 1_732_700_000_000,
        user_id: "200006498",
        session_id: "s-1"
      }))
    },
    invalid: { events: [{ event_type: "", data: {} }] }
  },
  ArchiveEvent: {
    ours: ArchiveEvent,
    zod: z.object({
      triggerDate: day.nullish(),
      clientIds: z.array(z.union([clientId, z.int().min(0).transform(String).pipe(clientId)])).nullish()
    }),
    valid: { triggerDate: "2024-11-27", clientIds: ["12345", 67_890, "67891"] },
    invalid: { triggerDate: "2024-02-30" }
  },
  VerifyEvent: {
    ours: VerifyEvent,
    zod: z.union([
      z.object({ triggerDate: day }),
      z.object({ from: day, to: day }).refine(({ from, to }) => from <= to, { path: ["to"] })
    ]),
    valid: { from: "2024-11-25", to: "2024-11-29" },
    invalid: { from: "2024-11-29", to: "2024-11-25" }
  },
  MintRequest: {
    ours: MintRequest,
    zod: z.object({
      sourceIdentifiers: z.array(text).min(1).max(100),
      jobId: text.nullable().optional(),
      includeCanonicalIds: z.boolean().optional()
    }),
    valid: {
      sourceIdentifiers: Array.from(
        { length: 10 },
        (_, number) => `Work[sierra-system-number/b${1_161_044 + number}x]`
      ),
      jobId: "job-1",
      includeCanonicalIds: true
    },
    invalid: { sourceIdentifiers: [] }
  }
}
