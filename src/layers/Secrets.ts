/** Secrets from AWS Secrets Manager, read when they are needed and of the form that a schema says. */
import { GetSecretValueCommand, type SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Issue from "../schemas/Issue.ts"
import { send } from "./Aws.ts"

/** Why a secret cannot be used, in words without its values; whether that may pass by itself. */
export interface SecretFailure {
  readonly reason: string
  readonly transient: boolean
}

/** Which secret, and which of its versions: the current one where nothing is said. */
export interface SecretId {
  readonly name: string
  readonly stage?: "AWSCURRENT" | "AWSPENDING"
}

/** Reads a secret. */
export const read = <A>(
  client: SecretsManagerClient,
  { name, stage }: SecretId,
  schema: Schema.Schema<A, string>
): Effect.Effect<A, SecretFailure> =>
  send(client, new GetSecretValueCommand({ SecretId: name, ...(stage === undefined ? {} : { VersionStage: stage }) }), {
    service: "secretsmanager",
    operation: "GetSecretValue"
  }).pipe(
    Effect.mapError(({ errorName, kind }) => ({ reason: errorName, transient: kind === "transient" })),
    Effect.flatMap(({ SecretString }) =>
      Effect.mapError(Schema.decodeUnknown(schema)(SecretString), (error) => ({
        reason: Issue.render(Issue.fromParseError(error)),
        transient: false
      }))
    )
  )
