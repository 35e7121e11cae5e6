/** Stands in for `@aws-sdk/credential-provider-node`: Lambda hands a Node.js function its credentials in the environment. */
import process from "node:process"

interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** The provider that every AWS client falls back to. */
export const defaultProvider = () => async (): Promise<Credentials> => {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env
  if (!accessKeyId || !secretAccessKey) throw new Error("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
  const sessionToken = process.env["AWS_SESSION_TOKEN"]
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) }
}
