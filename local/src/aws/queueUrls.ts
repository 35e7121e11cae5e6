/** Queue URLs carry a host, and the SQS client goes where they say: each side of the proxy sees its own. */

const moved = (url: unknown, origin: string): unknown =>
  typeof url === "string" && URL.canParse(url) ? origin + new URL(url).pathname : url

/** The body with every queue URL in it on `origin`; any other body is left as it is, byte for byte. */
export const moveQueueUrls = (body: Buffer, origin: string): Buffer => {
  if (!body.includes('"QueueUrl')) return body
  let content: unknown
  try {
    content = JSON.parse(body.toString("utf8"))
  } catch {
    return body
  }
  if (typeof content !== "object" || content === null) return body
  const { QueueUrl, QueueUrls } = content as Record<string, unknown>
  if (QueueUrl === undefined && !Array.isArray(QueueUrls)) return body
  return Buffer.from(
    JSON.stringify({
      ...content,
      ...(QueueUrl === undefined ? {} : { QueueUrl: moved(QueueUrl, origin) }),
      ...(Array.isArray(QueueUrls) ? { QueueUrls: QueueUrls.map((url) => moved(url, origin)) } : {})
    })
  )
}
