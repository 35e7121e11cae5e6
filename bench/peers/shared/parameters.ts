/** The parameters of mParticle's functions: all of them in as few calls as it takes, kept for five minutes. */
import { GetParametersCommand, SSMClient } from "@aws-sdk/client-ssm"
import { setting } from "./setting.ts"

const client = new SSMClient({ maxAttempts: 1 })

const timeToLiveMillis = 300_000
const namesPerCall = 10

/** The parameters by their names below the prefix. */
export const parametersOf = (names: ReadonlyArray<string>): (() => Promise<ReadonlyMap<string, string>>) => {
  const prefix = `/mparticle-api/${setting("STAGE")}`
  let cached: { readonly until: number; readonly values: Promise<ReadonlyMap<string, string>> } | undefined
  const fetchAll = async (): Promise<ReadonlyMap<string, string>> => {
    const chunks = Array.from({ length: Math.ceil(names.length / namesPerCall) }, (_, index) =>
      names.slice(index * namesPerCall, (index + 1) * namesPerCall)
    )
    const answers = await Promise.all(
      chunks.map((chunk) =>
        client.send(new GetParametersCommand({ Names: chunk.map((name) => `${prefix}/${name}`), WithDecryption: true }))
      )
    )
    const found = answers.flatMap((answer) => answer.Parameters ?? [])
    return new Map(found.map(({ Name = "", Value = "" }) => [Name.slice(prefix.length + 1), Value]))
  }
  return async () => {
    if (cached === undefined || cached.until < Date.now()) {
      const values = fetchAll()
      cached = { until: Date.now() + timeToLiveMillis, values }
      values.catch(() => {
        cached = undefined
      })
    }
    return cached.values
  }
}
