/** Secrets that follow from this run's addresses, written anew at each start. */
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  SecretsManagerClient
} from "@aws-sdk/client-secrets-manager"
import { region } from "./identity.ts"

/** Writes secrets by their names, past the proxy: what the platform does must not be in the journal. */
export const putSecrets = async (endpoint: string, secrets: Readonly<Record<string, object>>): Promise<void> => {
  const client = new SecretsManagerClient({
    endpoint,
    region,
    credentials: { accessKeyId: "platform", secretAccessKey: "platform" }
  })
  try {
    for (const [name, value] of Object.entries(secrets)) {
      const SecretString = JSON.stringify(value)
      await client.send(new CreateSecretCommand({ Name: name, SecretString })).catch(async (error: unknown) => {
        if (!(error instanceof ResourceExistsException)) throw error
        await client.send(new PutSecretValueCommand({ SecretId: name, SecretString }))
      })
    }
  } finally {
    client.destroy()
  }
}
