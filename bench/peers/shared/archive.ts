/** The archive's database, API and bucket. */
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import sql from "mssql"
import * as z from "zod"
import { setting } from "./setting.ts"

const s3 = new S3Client({ maxAttempts: 1 })
const secrets = new SecretsManagerClient({ maxAttempts: 1 })

/** A day of the calendar. */
export const triggerDate = z.iso.date()

/** A client's id. */
export const clientId = z.union([
  z.string().regex(/^(?:0|[1-9]\d{0,18})$/),
  z.number().int().nonnegative().transform(String)
])

const databaseSecret = z.object({
  host: z.string(),
  port: z.coerce.number().int(),
  dbname: z.string(),
  username: z.string(),
  password: z.string()
})

const apiSecret = z.object({
  client_id: z.string(),
  client_secret: z.string(),
  token_url: z.url().optional(),
  scope: z.string().optional()
})

/** The value of a secret, by the setting that names it. */
export const secretOf = async <Value>(name: string, schema: z.ZodType<Value>): Promise<Value> => {
  try {
    const { SecretString = "" } = await secrets.send(new GetSecretValueCommand({ SecretId: setting(name) }))
    return schema.parse(JSON.parse(SecretString))
  } catch (error) {
    const reason = error instanceof Error ? error.name : "unknown"
    const failure = new Error(`The secret of ${name} cannot be used: ${reason}`)
    throw Object.assign(failure, { name: "DexSecretError" })
  }
}

const client = z.object({ ClientID: clientId, Name: z.string().nullable() })
export type Client = z.infer<typeof client>

/** The clients, read from the database. */
export const clients = async (): Promise<ReadonlyArray<Client>> => {
  const { dbname, host, password, port, username } = await secretOf("DB_SECRET_NAME", databaseSecret)
  const pool = new sql.ConnectionPool({
    server: host,
    port,
    database: dbname,
    user: username,
    password,
    options: { encrypt: true, trustServerCertificate: false, appName: "dex-archive" },
    connectionTimeout: 15_000,
    requestTimeout: 60_000
  })
  const connected = await pool.connect()
  try {
    const { recordset } = await connected.request().query("SELECT ClientID, Name FROM Client ORDER BY ClientID")
    return z.array(client).parse([...recordset])
  } finally {
    await pool.close()
  }
}

const token = z.object({ access_token: z.string().min(1), expires_in: z.number().optional() })

/** An access token of the API. */
export const accessToken = async (): Promise<string> => {
  const { client_id, client_secret, scope } = await secretOf("API_SECRET_NAME", apiSecret)
  const answer = await fetch(`${setting("DEX_API_BASE_URL")}/oauth2/token`, {
    method: "POST",
    signal: AbortSignal.timeout(30_000),
    headers: { authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}` },
    body: new URLSearchParams({ grant_type: "client_credentials", scope: scope ?? "" })
  })
  return token.parse(await answer.json()).access_token
}

/** What the API answers for a client and a day. */
export const response = async (id: string, day: string, bearer: string): Promise<string> => {
  const answer = await fetch(`${setting("DEX_API_BASE_URL")}/clients/${id}/trigger?date=${day.replaceAll("-", "")}`, {
    signal: AbortSignal.timeout(30_000),
    headers: { authorization: `Bearer ${bearer}` }
  })
  if (!answer.ok) throw new Error(`the API answered ${answer.status}`)
  const body = await answer.text()
  JSON.parse(body)
  return body
}

/** Where a client's day is kept. */
export const keyOf = (id: string, day: string): string => `trigger/${day.replaceAll("-", "")}/${id}.json`

/** Writes a response down, once. */
export const put = async (key: string, body: string): Promise<void> => {
  await s3.send(
    new PutObjectCommand({
      Bucket: setting("S3_BUCKET_NAME"),
      Key: key,
      Body: body,
      ContentType: "application/json",
      IfNoneMatch: "*"
    })
  )
}

/** Whether there is an object. */
export const exists = async (key: string): Promise<boolean> => {
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: setting("S3_BUCKET_NAME"), Key: key }))
    return ((await Body?.transformToString()) ?? "") !== ""
  } catch (error) {
    if (error instanceof Error && error.name === "NoSuchKey") return false
    throw error
  }
}
