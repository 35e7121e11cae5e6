/** Tells whether a bundle is older than anything that went into it. */
import { readFile, stat } from "node:fs/promises"
import { join } from "node:path"
import type { Metafile } from "esbuild"
import { root } from "./bundle.ts"

/** What decides about every bundle and is in no metafile. */
const everywhere = [
  "package-lock.json",
  "scripts/build/awsSdk.ts",
  "scripts/build/bundle.ts",
  "scripts/build/drivers.ts",
  "scripts/build/registeredErrors.ts"
]

const modifiedAt = async (path: string): Promise<number | undefined> =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined
  )

const readMetafile = async (path: string): Promise<Metafile | undefined> =>
  readFile(path, "utf8").then(
    (text) => JSON.parse(text) as Metafile,
    () => undefined
  )

/** True when the bundle or its metafile is missing, made from another entry, or older than one of its inputs. */
export const isStale = async (bundle: string, metafilePath: string, entryPoint: string): Promise<boolean> => {
  const [builtAt, metafile] = await Promise.all([modifiedAt(bundle), readMetafile(metafilePath)])
  if (builtAt === undefined || metafile === undefined || !(entryPoint in metafile.inputs)) return true
  const inputs = [...everywhere, ...Object.keys(metafile.inputs)]
  const times = await Promise.all(inputs.map((input) => modifiedAt(join(root, input))))
  return times.some((time) => time === undefined || time > builtAt)
}
