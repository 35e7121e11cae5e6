/** The rooms of `src` and what each may import: schemas ← services ← layers ← handlers, and the SDK beside them. */

export interface Room {
  readonly folder: string
  /** Where its relative imports may lead, as the beginning of a path from the repository's root. */
  readonly imports: ReadonlyArray<string>
  /** The packages it may import; any where this is left out. */
  readonly packages?: ReadonlyArray<RegExp>
}

const effectModules = /^effect\//

const schemas = "src/schemas/"
const services = "src/services/"
const layers = "src/layers/"
const handlers = "src/handlers/"
const sdk = "src/sdk/"

/** The package's own entries: barrels, which would drag everything that they name into a bundle. */
export const packageEntries: ReadonlySet<string> = new Set([`${schemas}index.ts`])

const rooms: ReadonlyArray<Room> = [
  { folder: schemas, imports: [schemas], packages: [effectModules] },
  { folder: services, imports: [schemas, services], packages: [effectModules] },
  { folder: layers, imports: [schemas, services, layers] },
  { folder: handlers, imports: [schemas, services, layers, handlers] },
  {
    folder: sdk,
    imports: [schemas, `${services}Resilience.ts`, `${services}Resilience/`, sdk],
    packages: [effectModules, /^@aws-sdk\/client-lambda$/]
  }
]

/** The room that a file, as a path from the repository's root, lies in. */
export const roomOf = (file: string): Room | undefined => rooms.find(({ folder }) => file.startsWith(folder))
