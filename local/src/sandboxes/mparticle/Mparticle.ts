/** The simulated mParticle: Data Subject Request API v3 and Events API v2 on one loopback port. */
import { timingSafeEqual } from "node:crypto"
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http"
import type { Processes } from "../../aws/AwsProxy.ts"
import { serveLoopback } from "../../aws/loopback.ts"
import { decoded } from "../../decoded.ts"
import type { Sandbox } from "../Sandbox.ts"
import { SandboxRefusal } from "../SandboxRefusal.ts"
import { readBody, serveHttp } from "../serveHttp.ts"
import type { Answer, HttpCall } from "../serveHttp.ts"
import { readAdvance } from "./advance.ts"
import { emptyAnswer, errorAnswer, jsonAnswer, processorDomain, refusal } from "./answers.ts"
import { sendCallbacks } from "./callbacks.ts"
import type { Statuses } from "./callbacks.ts"
import { Deletions } from "./deletion.ts"
import { batchFlaws } from "./eventBatch.ts"
import { RateLimit } from "./RateLimit.ts"
import { ServedCertificate } from "./ServedCertificate.ts"
import { identityTypes, readSubjectRequest, requestTypes } from "./subjectRequest.ts"
import { SubjectRequests, expectedCompletion, statusBody, writtenTime } from "./SubjectRequests.ts"
import type { Conflict, StoredRequest, View } from "./SubjectRequests.ts"

interface KeyPair {
  readonly key: string
  readonly secret: string
}

export interface MparticleOptions {
  readonly sandbox: Sandbox
  readonly processes: Processes
  readonly workspace: KeyPair & { readonly id: string }
  readonly events: KeyPair
  /** Calls per minute to `/v3/requests…`; 0 for no limit. */
  readonly rateLimitPerMinute: number
  readonly now?: () => number
  /** How long all callbacks of one move may take together. */
  readonly callbackLimitMs?: number
}

const maxBatchBytes = 128 * 1024
const maxEventRequestBytes = 256 * 1024
const resultsLifetimeMs = 7 * 86_400_000

const conflicts: Readonly<Record<Conflict, Answer>> = {
  duplicate: refusal(400, "duplicate", "Subject request already exists"),
  inProgress: refusal(
    409,
    "conflict",
    "A subject request with the same identities, extensions and type is in progress"
  ),
  groupFull: refusal(400, "invalid", "group_id has 150 requests already")
}

const notFound = refusal(404, "notFound", "Subject request not found")

const matches = (header: string, { key, secret }: KeyPair): boolean => {
  const expected = Buffer.from(`Basic ${Buffer.from(`${key}:${secret}`).toString("base64")}`)
  const given = Buffer.from(header)
  return given.length === expected.length && timingSafeEqual(given, expected)
}

const parsed = (body: Buffer): { readonly json?: unknown } => {
  try {
    return { json: JSON.parse(body.toString("utf8")) }
  } catch {
    return {}
  }
}

/** A call after its process prefix is taken off. */
interface Call extends HttpCall {
  readonly authorization: string
  readonly contentType: string
  /** Where the caller sees this API: `…/p/{id}` for a function process. */
  readonly origin: string
}

/** mParticle as the platform runs it. */
export class Mparticle {
  private readonly options: MparticleOptions
  private readonly requests = new SubjectRequests()
  private readonly deletions: Deletions
  private readonly limit: RateLimit
  private readonly now: () => number
  readonly certificate: ServedCertificate

  constructor(options: MparticleOptions) {
    this.options = options
    this.deletions = new Deletions(options.events)
    this.limit = new RateLimit(options.rateLimitPerMinute)
    this.now = options.now ?? Date.now
    this.certificate = new ServedCertificate(() => ({ domain: processorDomain, now: this.now() }))
  }

  /** Carries a call out. */
  async perform(call: Call): Promise<Answer> {
    if (call.path === "/v2/events" && call.method === "POST") return this.events(call)
    const deletion = this.deletions.answer(call)
    if (deletion !== undefined) return deletion
    if (call.path === "/v3/discovery" && call.method === "GET") return this.discovery(call)
    const file = call.method === "GET" ? await this.certificate.answer(call.path, call.origin) : undefined
    if (file !== undefined) return file
    const [, id, results] = /^\/v3\/requests(?:\/([^/]+)(\/results)?)?$/.exec(call.path) ?? []
    if (!/^\/v3\/requests(?:\/|$)/.test(call.path)) return refusal(404, "notFound", "There is no such resource")
    if (call.authorization === "" || !matches(call.authorization, this.options.workspace)) {
      return refusal(401, "unauthorized", "The credentials are missing or not valid", { "www-authenticate": "Basic" })
    }
    if (results !== undefined && id !== undefined) return this.results(id)
    const admission = this.limit.admit(this.now())
    if (!admission.admitted) {
      return refusal(429, "rateLimitExceeded", "Too many requests", {
        "retry-after": String(admission.retryAfterSeconds),
        "x-mp-rate-limit-exceeded": "workspace"
      })
    }
    const answer = this.request(call, id)
    if (answer.status >= 300) return answer
    return {
      ...answer,
      headers: {
        ...answer.headers,
        "x-opendsr-processor-domain": processorDomain,
        "x-mp-rate-limit-percentage-used": String(admission.percentageUsed)
      }
    }
  }

  /**
   * Moves a request on, or back, as `POST /_sandbox/mparticle/advance` asks, and sends the callbacks. Answers the HTTP
   * status of the last one, null when none was sent or it was not answered; with more than one, also all of them.
   */
  async advance(
    input: unknown,
    origin: string
  ): Promise<{ readonly status: number | null; readonly statuses?: Statuses }> {
    const { callback, id, move, results, status } = readAdvance(input)
    const stored = this.requests.get(id)
    if (stored === undefined) throw new SandboxRefusal(404, `there is no subject request ${id}`)
    if (move) this.requests.move(stored, status, this.now(), results)
    if (callback === undefined) return { status: null }
    const statuses = await sendCallbacks({ stored, status, view: this.view(origin) }, callback, {
      signer: async () => (await this.certificate.bundle()).sign,
      limitMs: this.options.callbackLimitMs ?? 35_000
    })
    return { status: statuses.at(-1) ?? null, ...(statuses.length > 1 ? { statuses } : {}) }
  }

  private view(origin: string): View {
    return { controllerId: this.options.workspace.id, baseUrl: `${origin}/v3` }
  }

  private request(call: Call, id: string | undefined): Answer {
    const shown = (stored: StoredRequest): object => statusBody(stored, this.view(call.origin))
    if (id === undefined) {
      if (call.method === "POST") return this.create(call)
      if (call.method !== "GET") return refusal(405, "methodNotAllowed", "Method not allowed")
      const group = new URLSearchParams(call.query).get("group_id")
      if (group === null || group === "") return refusal(400, "required", "group_id is required")
      return jsonAnswer(200, this.requests.group(group).map(shown))
    }
    const stored = this.requests.get(decoded(id))
    if (stored === undefined) return notFound
    if (call.method === "GET") return jsonAnswer(200, shown(stored))
    if (call.method !== "DELETE") return refusal(405, "methodNotAllowed", "Method not allowed")
    if (stored.status !== "pending")
      return refusal(400, "invalid", `A request that is ${stored.status} cannot be cancelled`)
    this.requests.move(stored, "cancelled", this.now())
    return jsonAnswer(202, { ...this.receipt(stored), received_time: writtenTime(this.now()) })
  }

  private create(call: Call): Answer {
    const { json } = parsed(call.body)
    if (!call.contentType.startsWith("application/json") || json === undefined) {
      return refusal(400, "parseError", "The body must be JSON, with content-type application/json")
    }
    const request = readSubjectRequest(json)
    if ("length" in request) {
      const [first = { reason: "invalid", message: "The request is not valid" }, ...others] = request
      return errorAnswer(400, [first, ...others])
    }
    const stored = this.requests.add(request, this.now())
    if (typeof stored === "string") return conflicts[stored]
    return jsonAnswer(201, { ...this.receipt(stored), encoded_request: call.body.toString("base64") })
  }

  private receipt(stored: StoredRequest): object {
    return {
      expected_completion_time: expectedCompletion(stored, stored.status),
      received_time: writtenTime(stored.receivedAt),
      subject_request_id: stored.request.subject_request_id,
      controller_id: this.options.workspace.id
    }
  }

  private results(id: string): Answer {
    const { completedAt, results } = this.requests.get(id) ?? {}
    if (completedAt === undefined || results === undefined) return notFound
    const { archive, chunked, gone } = results
    if (gone || (archive !== undefined && this.now() - completedAt > resultsLifetimeMs))
      return refusal(410, "gone", "The results are no longer available")
    if (archive === undefined) return notFound
    const coding: Record<string, string> = chunked ? { "transfer-encoding": "chunked" } : {}
    return { status: 200, headers: { "content-type": "application/zip", ...coding }, body: archive }
  }

  private discovery(call: Call): Answer {
    return jsonAnswer(200, {
      api_version: "3.0",
      supported_identities: identityTypes.map((type) => ({
        // mParticle's discovery spells this one differently from what its API takes.
        identity_type: type === "roku_publishing_id" ? "roku_publisher_id" : type,
        identity_format: "raw"
      })),
      supported_subject_request_types: requestTypes,
      processor_certificate: this.certificate.url(call.origin)
    })
  }

  private events(call: Call): Answer {
    if (call.authorization === "") return refusal(401, "unauthorized", "The authorization header is missing")
    if (!matches(call.authorization, this.options.events))
      return refusal(403, "forbidden", "The credentials are not valid")
    if (call.body.length > maxEventRequestBytes) return refusal(413, "tooLarge", "The request has more than 256 KB")
    if (call.body.length > maxBatchBytes) return refusal(400, "tooLarge", "The batch has more than 128 KB")
    const { json } = parsed(call.body)
    if (json === undefined) return refusal(400, "parseError", "The body must be JSON")
    const [first, ...others] = batchFlaws(json)
    return first === undefined ? emptyAnswer(202) : errorAnswer(400, [first, ...others])
  }
}

/** Every body is sent with its length; one that goes out in chunks has none. */
const inChunks = (response: ServerResponse): ServerResponse => {
  const writeHead = response.writeHead.bind(response)
  return Object.assign(response, {
    writeHead: (status: number, headers: OutgoingHttpHeaders) => {
      const { "content-length": _, ...rest } = headers
      return writeHead(status, "transfer-encoding" in headers ? rest : headers)
    }
  })
}

/** The simulator, listening. */
export interface RunningMparticle extends AsyncDisposable {
  /** Its base, to which `/v3` and `/v2` are added, or `/p/{processId}` before them. */
  readonly url: string
  readonly advance: (input: unknown) => ReturnType<Mparticle["advance"]>
  readonly chooseCertificate: ServedCertificate["choose"]
  /** The certificate that its callbacks' verifiers are to trust. */
  readonly rootPem: () => Promise<string>
}

/** Starts the simulator. */
export const startMparticle = async (options: MparticleOptions): Promise<RunningMparticle> => {
  const vendor = new Mparticle(options)
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [target = "/", query] = (request.url ?? "/").split(/\?(.*)/s)
    const [, prefix = "", processId, path = target] = /^(\/p\/([^/]+))(\/.*)$/.exec(target) ?? []
    const caller = processId === undefined ? undefined : options.processes.caller(processId)
    const call: Call = {
      method: request.method ?? "GET",
      path,
      body: await readBody(request),
      authorization: request.headers.authorization ?? "",
      contentType: request.headers["content-type"] ?? "",
      origin: `${server.url}${prefix}`,
      ...(query === undefined ? {} : { query }),
      ...(caller === undefined ? {} : { caller })
    }
    await serveHttp(request, inChunks(response), {
      sandbox: options.sandbox,
      call,
      perform: () => vendor.perform(call),
      errorAnswer: (error, status = 500) => refusal(status, error, error)
    })
  }
  const server = await serveLoopback(
    (request, response) => void serve(request, response).catch(() => response.destroy())
  )
  return {
    url: server.url,
    advance: (input) => vendor.advance(input, server.url),
    chooseCertificate: (input) => vendor.certificate.choose(input),
    rootPem: () => vendor.certificate.rootPem(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]()
  }
}
