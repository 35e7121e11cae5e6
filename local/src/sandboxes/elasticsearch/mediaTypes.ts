/** The content types that a request may have, and the one of its answer. */
import type { IncomingHttpHeaders } from "node:http"
import { ElasticError } from "./elasticError.ts"

const plainJson = "application/json"
const vendorJson = "application/vnd.elasticsearch+json"
const readable = new Set([plainJson, "application/x-ndjson", vendorJson, "application/vnd.elasticsearch+x-ndjson"])

interface MediaType {
  readonly name: string
  /** The version of the API that is asked for; only the vendor's own types have one. */
  readonly version: string | undefined
}

const mediaType = (header: string | undefined): MediaType => {
  const [name = "", ...parameters] = (header ?? "").split(";").map((part) => part.trim().toLowerCase())
  const version = parameters.map((one) => /^compatible-with=(\d+)$/.exec(one)?.[1]).find((one) => one !== undefined)
  return { name, version: name.startsWith("application/vnd.elasticsearch+") ? version : undefined }
}

/** The content type of an answer. */
export const answerType = (headers: IncomingHttpHeaders): string => {
  const [accept, content] = [mediaType(headers.accept), mediaType(headers["content-type"])]
  const { name, version } = readable.has(accept.name) ? accept : content
  if (!name.startsWith("application/vnd.")) return plainJson
  return version === undefined ? vendorJson : `${vendorJson};compatible-with=${version}`
}

/** Throws when a request with a body asks for two versions of the API, or for one in only one of its headers. */
export const checkVersions = ({ accept = "", "content-type": contentType = "" }: IncomingHttpHeaders): void => {
  if (mediaType(accept).version === mediaType(contentType).version) return
  const reason =
    "A compatible version is required on both Content-Type and Accept headers if either one has requested a " +
    `compatible version and the compatible versions must match. Accept=${accept}, Content-Type=${contentType}`
  throw new ElasticError(400, {
    type: "media_type_header_exception",
    reason: "Invalid media-type value on headers [Accept, Content-Type]",
    caused_by: { type: "status_exception", reason }
  })
}

/** Why the type of a body cannot be read; undefined when it can. */
export const contentTypeFlaw = (contentType: string | undefined): string | undefined => {
  if (contentType === undefined) return "Content-Type header is missing"
  return readable.has(mediaType(contentType).name) ? undefined : `Content-Type header [${contentType}] is not supported`
}
