/** Settings with which every function starts, where all it can reach is {@link ./awsStub.ts}. */

/** Nobody listens at the port of the protocol that throws everything away. */
const nowhere = { host: "127.0.0.1", port: "9" }

/** The environment of a function, whichever it is; `url` is the stub's address. */
export const settingsAt = (url: string): Readonly<Record<string, string>> => {
  const { hostname, port } = new URL(url)
  const cluster = (name: string): Record<string, string> => ({
    [`es_${name}_host`]: hostname,
    [`es_${name}_port`]: port,
    [`es_${name}_protocol`]: "http",
    [`es_${name}_apikey`]: "none"
  })
  const queue = (name: string): string => `${url}/000000000000/${name}`
  return {
    AWS_REGION: "eu-west-1",
    AWS_ACCESS_KEY_ID: "none",
    AWS_SECRET_ACCESS_KEY: "none",
    AWS_ENDPOINT_URL: url,
    STAGE: "CODE",
    MPARTICLE_DSR_URL: `${url}/v3`,
    MPARTICLE_EVENTS_URL: `${url}/v2`,
    BRAZE_URL: url,
    CALLBACK_BASE_URL: url,
    CERTIFICATE_HOSTS: hostname,
    CONVERSATIONS_TABLE_NAME: "conversations",
    STAGE_TABLE_NAME: "stage",
    LOCK_TABLE_NAME: "lock",
    WHATSAPP_QUEUE_URL: queue("whatsapp"),
    SMS_QUEUE_URL: queue("sms"),
    EMAIL_QUEUE_URL: queue("email"),
    HANDOFF_QUEUE_URL: queue("handoff"),
    PARKING_QUEUE_URL: queue("parking"),
    HANDOFF_BUCKET: "handoff",
    ENVIRONMENT_NAME: "dev",
    cluster_url: nowhere.host,
    db_port: nowhere.port,
    db_username: "none",
    db_password: "none",
    ...cluster("upstream"),
    ...cluster("downstream"),
    es_source_index: "works-source",
    es_identified_index: "works-identified",
    downstream_queue_url: queue("downstream"),
    S3_BUCKET_NAME: "archive",
    DB_SECRET_NAME: "database",
    API_SECRET_NAME: "api",
    DEX_API_BASE_URL: url
  }
}
