/** What functions need without calling for it: no recorded call can show it, so each says why it is there. */
import type { FunctionName } from "../../../src/handlers/Functions.ts"
import type { Grant } from "./Grant.ts"

/** A grant with its reason. */
export type ImpliedGrant = Grant & { readonly why: string }

const lists = (bucket: "dex" | "results", why: string): ImpliedGrant => ({
  actions: ["s3:ListBucket"],
  resources: [{ bucket }],
  why
})

const consumes = (queue: "deletion" | "fallback" | "idMinter"): ImpliedGrant => ({
  actions: ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
  resources: [{ queue }],
  why: "Lambda reads the function's queue in the function's name; the event source mapping brings these rights with it"
})

const copies = lists("results", "without it S3 answers for results that are not there yet as for a refusal")

const archives = lists(
  "dex",
  "without it S3 answers for a missing object as for a refusal, and that is no gap to report"
)

/** By function: what it needs beside {@link grants}. */
export const impliedGrants: Readonly<Record<FunctionName, ReadonlyArray<ImpliedGrant>>> = {
  "mparticle-api-lambda": [copies],
  "mparticle-api-http": [copies],
  "mparticle-api-retry": [consumes("fallback")],
  "mparticle-api-deletion": [consumes("deletion")],
  "mparticle-api-reconcile": [copies],
  staging: [],
  "staging-sweeper": [],
  "id-minter-stepfunction": [],
  "id-minter-sqs": [consumes("idMinter")],
  "id-minter-pool": [],
  "id-minter-migrate": [],
  "dex-trigger-response-archive": [archives],
  "dex-archive-verify": [archives]
}
