/** An esbuild plugin that leaves out of a bundle what the AWS SDK brings along and a Lambda function cannot use. */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { Plugin } from "esbuild"
import { registeredErrors } from "./registeredErrors.ts"

const aliases: Readonly<Record<string, string>> = {
  "@aws-sdk/credential-provider-node": "credentialProviderNode.ts",
  "@aws-sdk/endpoint-cache": "endpointCache.ts",
  "@smithy/core/event-streams": "eventStreams.ts"
}

const constant = /^const (_\w+) = ("[^"\n]*");$/gm
const computedKey = /\[(_\w+)\]:/g
const errorSchema = /^(export var (\w+)\$ = \[-3, n0, [^]*?^\];\n)n0_registry\.registerError\(\2\$, \2\);$/gm

/** SQS names its errors by the codes of an older protocol: only the registered schemas know which error a code means. */
const keepsErrors = /[/\\]client-sqs[/\\]/

/**
 * The same schemas, written so that esbuild drops those of unused commands: it keeps whatever has a computed key, and
 * whatever is registered as an error. Fails on a file that is not of the known form.
 */
export const prunable = (path: string, source: string): string => {
  if (source.search(errorSchema) < 0) {
    throw new Error(
      `${path} registers no errors in the known form: the AWS SDK has changed, see scripts/build/awsSdk.ts`
    )
  }
  const names = new Map(Array.from(source.matchAll(constant), ([, name, literal]) => [name, literal]))
  return source
    .replace(errorSchema, (whole, schema: string, name: string) =>
      registeredErrors.has(name) || keepsErrors.test(path) ? whole : schema
    )
    .replace(computedKey, (key, name: string) => (names.has(name) ? `${names.get(name)}:` : key))
}

/** Leaves out unused credential sources, event streams, endpoint discovery, schemas, error classes and manifests. */
export const awsSdk: Plugin = {
  name: "aws-sdk",
  setup: (build) => {
    const folder = join(import.meta.dirname, "../aliases")
    const aliased = new RegExp(`^(?:${Object.keys(aliases).join("|")})$`)
    build.onResolve({ filter: aliased }, ({ path }) => ({ path: join(folder, aliases[path] ?? "") }))
    build.onLoad({ filter: /[/\\]@aws-sdk[/\\][^/\\]+[/\\]package\.json$/ }, async ({ path }) => {
      const { version } = JSON.parse(await readFile(path, "utf8")) as { readonly version: string }
      return { contents: JSON.stringify({ version }), loader: "json" }
    })
    build.onLoad(
      { filter: /[/\\]@aws-sdk[/\\]client-[^/\\]+[/\\]dist-es[/\\]schemas[/\\]schemas_0\.js$/ },
      async ({ path }) => ({
        contents: prunable(path, await readFile(path, "utf8")),
        loader: "js"
      })
    )
  }
}
