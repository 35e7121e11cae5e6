/**
 * The URL that a request was signed for. API Gateway tells its parts only: host and path as they were called, and the
 * query decoded, so that how its spaces were written is a guess.
 */

/** What a request says of the URL that it came to. */
export interface SignedUrlParts {
  /** `requestContext.domainName`; the Host header is whatever the sender likes. */
  readonly domainName: string
  /** `requestContext.path`, with the stage where the URL has one. */
  readonly path: string
  /** `path` of the event: without the stage, where the domain has none. */
  readonly pathBelowStage?: string
  /** Decoded names and values, in the order received. */
  readonly query: ReadonlyMap<string, ReadonlyArray<string>>
  /** What callers see in front of the path, where a proxy hides the domain: an origin, and a path prefix if any. */
  readonly publicBaseUrl?: string | undefined
}

// A lone surrogate, which JSON can carry, has no UTF-8 and would make the encoder throw.
const encode = (text: string): string => encodeURIComponent(text.toWellFormed())

const queryOf = (query: SignedUrlParts["query"]): string => {
  const pairs: Array<string> = []
  for (const [name, values] of query) {
    for (const value of values) pairs.push(`${encode(name)}=${encode(value)}`)
  }
  return pairs.join("&")
}

const baseOf = (url: string): string => {
  const [base = ""] = url.split(/[?#]/, 1)
  let end = base.length
  while (base.charAt(end - 1) === "/") end -= 1
  return base.slice(0, end)
}

/** The URLs that a request may have been signed for, the likeliest first, and none twice. */
export const signedUrls = (parts: SignedUrlParts): ReadonlyArray<string> => {
  const { domainName, path, pathBelowStage = path, publicBaseUrl, query } = parts
  // Whether a proxy puts the stage into the path by itself, nobody tells.
  const urls =
    publicBaseUrl === undefined
      ? [`https://${domainName}${path}`]
      : [...new Set([pathBelowStage, path])].map((one) => baseOf(publicBaseUrl) + one)
  const encoded = queryOf(query)
  if (encoded === "") return urls
  const queries = encoded.includes("%20") ? [encoded, encoded.replaceAll("%20", "+")] : [encoded]
  return urls.flatMap((url) => queries.map((one) => `${url}?${one}`))
}
