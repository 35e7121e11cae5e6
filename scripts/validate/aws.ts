/** The checks that ask the stage's account: whether it is the right one, and has what people put there. */
import { DescribeSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import { GetParametersCommand, SSMClient } from "@aws-sdk/client-ssm"
import { clusterSecretName } from "../../infra/src/environment.ts"
import type { StageConfig } from "../../infra/src/Config.ts"
import { secretNames } from "../../infra/src/permissions/SecretNames.ts"
import { parameterPath } from "../../infra/src/resources.ts"
import { parameters } from "../environment/stores.ts"
import { attempted, type Check, check } from "./Check.ts"

/** What is asked of an account: the ARN of a secret where there is one, and the names of the parameters that exist. */
export interface Account {
  readonly secretArn: (name: string) => Promise<string | undefined>
  readonly existing: (names: ReadonlyArray<string>) => Promise<ReadonlyArray<string>>
}

const isMissing = (error: unknown): boolean => error instanceof Error && error.name === "ResourceNotFoundException"

/** GetParameters takes at most this many names. */
const namesPerCall = 10

/** The account of whatever credentials there are, in a region. Values of parameters are not decrypted, nor shown. */
export const accountOf = (region: string): Account => {
  const secretsManager = new SecretsManagerClient({ region })
  const ssm = new SSMClient({ region })
  return {
    secretArn: (name) =>
      secretsManager.send(new DescribeSecretCommand({ SecretId: name })).then(
        ({ ARN, DeletedDate }) => (DeletedDate === undefined ? ARN : undefined),
        (error: unknown) => {
          if (isMissing(error)) return undefined
          throw error
        }
      ),
    existing: async (names) => {
      const chunks = Array.from({ length: Math.ceil(names.length / namesPerCall) }, (_, index) =>
        names.slice(index * namesPerCall, (index + 1) * namesPerCall)
      )
      const answers = await Promise.all(chunks.map((Names) => ssm.send(new GetParametersCommand({ Names }))))
      return answers.flatMap(({ Parameters = [] }) => Parameters.map(({ Name = "" }) => Name))
    }
  }
}

/** The secrets with a name of their own; those of tenants come and go. */
const wantedSecrets = (config: StageConfig): ReadonlyArray<string> => [
  ...Object.values(secretNames(config.stage)).filter((name) => !name.includes("*")),
  clusterSecretName(config),
  ...(config.otlpHeadersSecret === undefined ? [] : [config.otlpHeadersSecret])
]

/** The parameters that people write, and without which something does not work. */
const wantedParameters = ({ stage }: StageConfig): ReadonlyArray<string> =>
  Object.entries(parameters)
    .filter(([, { by, optional }]) => by === "people" && optional !== true)
    .map(([name]) => `${parameterPath(stage)}/${name}`)

const secretFindings = async (config: StageConfig, account: Account): Promise<ReadonlyArray<string>> => {
  const findings = await Promise.all(
    wantedSecrets(config).map(async (name) => {
      const arn = await account.secretArn(name)
      if (arn === undefined) return [`there is no secret ${name}: docs/deployment.md, Secrets and parameters`]
      const [, , , , owner] = arn.split(":")
      return owner === config.account ? [] : [`${name} is in the account ${owner}, and not in ${config.account}`]
    })
  )
  return findings.flat()
}

/** The checks of a stage's account. */
export const inAccount = (config: StageConfig, account: Account): Promise<ReadonlyArray<Check>> => {
  const secrets = `secrets are in the account ${config.account}`
  const named = `parameters below ${parameterPath(config.stage)} are written`
  return Promise.all([
    attempted(secrets, async () => check(secrets, await secretFindings(config, account))),
    attempted(named, async () => {
      const wanted = wantedParameters(config)
      const there = new Set(await account.existing(wanted))
      return check(
        named,
        wanted.filter((name) => !there.has(name)).map((name) => `there is no parameter ${name}: docs/deployment.md`)
      )
    })
  ])
}
