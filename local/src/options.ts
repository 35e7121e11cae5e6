/** The options of `npm start`, from its environment. */
import { readdirSync } from "node:fs"
import { join, resolve } from "node:path"
import type { ExtraFunction } from "./functions/catalogue.ts"
import type { PlatformOptions } from "./Platform.ts"

const defaultPort = 4500

const portFrom = (text: string): number => {
  const port = text === "" ? defaultPort : Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error("PORT must be a number from 0 to 65535; 0 means any free port")
  return port
}

/** Each `<name>.mjs` of the folder is served as the function `<name>`. */
const functionsIn = (folder: string): Record<string, ExtraFunction> => {
  const files = ((): ReadonlyArray<string> => {
    try {
      return readdirSync(folder)
    } catch {
      throw new Error("EXTRA_FUNCTIONS must be a folder with one <name>.mjs for each function")
    }
  })()
  const names = files.filter((file) => file.endsWith(".mjs")).map((file) => file.slice(0, -".mjs".length))
  return Object.fromEntries(names.map((name) => [name, { bundle: resolve(join(folder, `${name}.mjs`)) }]))
}

const rateLimitFrom = (text: string): number => {
  const limit = Number(text)
  if (Number.isInteger(limit) && limit >= 0) return limit
  throw new Error("MPARTICLE_SANDBOX_RATE_LIMIT must be the calls per minute; 0 means no limit")
}

/**
 * PORT (4500; 0 = any), DATA_DIR (kept between runs; none = gone at the end), EXTRA_FUNCTIONS (a folder of functions of
 * one's own), MPARTICLE_SANDBOX_RATE_LIMIT (calls per minute; 0 = none), DYNAMODB_URL, SQS_URL and S3_URL (engines of
 * one's own); everything else is a setting of the functions.
 */
export const platformOptions = (environment: Readonly<Record<string, string | undefined>>): PlatformOptions => {
  const { PORT = "", DATA_DIR = "", EXTRA_FUNCTIONS = "", MPARTICLE_SANDBOX_RATE_LIMIT: rateLimit = "" } = environment
  return {
    port: portFrom(PORT),
    environment,
    ...(DATA_DIR === "" ? {} : { dataDir: DATA_DIR }),
    ...(rateLimit === "" ? {} : { mparticleRateLimit: rateLimitFrom(rateLimit) }),
    ...(EXTRA_FUNCTIONS === "" ? {} : { extraFunctions: functionsIn(EXTRA_FUNCTIONS) })
  }
}
