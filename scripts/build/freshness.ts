/** Tells whether a bundle is older than anything that went into it. */
import { readFile, stat } from "node:fs/promises"
import { join } from "node:path"
import type { Metafile } from "esbuild"
import { root } from "./bundle.ts"

/** What decides about every bundle and is in no metafile. */
const everywhere = [
  "package-lock.json",
  "scripts/build/awsSdk.ts",
  "scripts/build/awsStub.ts",
  "scripts/build/builtins.ts",
  "scripts/build/bundle.ts",
  "scripts/build/compileCache.ts",
  "scripts/build/drivers.ts",
  "scripts/build/effect.ts",
  "scripts/build/fillCache.ts",
  "scripts/build/firstEvents.ts",
  "scripts/build/loader.ts",
  "scripts/build/registeredErrors.ts",
  "scripts/build/settings.ts",
  "scripts/build/unused.ts"
]

/** What a plugin made up is no file; whatever decides about it is in the list above. */
const isFile = (input: string): boolean => !/^builtin(?:-late)?:/.test(input)

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
  const inputs = [...everywhere, ...Object.keys(metafile.inputs).filter(isFile)]
  const times = await Promise.all(inputs.map((input) => modifiedAt(join(root, input))))
  return times.some((time) => time === undefined || time > builtAt)
}
