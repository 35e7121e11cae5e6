/** The rules by which a write is refused because of the version that is stored. */

/** How a write's version is compared. */
export const versionTypes = ["internal", "external", "external_gte"] as const
/** One of the ways to compare. */
export type VersionType = (typeof versionTypes)[number]

/** What a write expects of the document that is stored. */
export interface Expectation {
  readonly version: number | undefined
  readonly versionType: VersionType
  readonly ifSeqNo: number | undefined
  readonly ifPrimaryTerm: number | undefined
}

/** What is stored under an id: a document, or for a while the fact that one was deleted. */
export interface Stored {
  readonly version: number
  readonly seqNo: number
  readonly deleted: boolean
}

/** There is one node here, so nothing is ever promoted. */
export const primaryTerm = 1

/** The version type of a name; undefined for a name that is none. */
export const versionTypeOf = (name: string): VersionType | undefined =>
  name === "external_gt" ? "external" : versionTypes.find((one) => one === name)

/** Why a write may not even be tried. */
export const expectationFlaws = (given: Expectation): ReadonlyArray<string> => {
  const { ifPrimaryTerm, ifSeqNo, version, versionType } = given
  const external = versionType !== "internal"
  // The product's own numbers: -3 stands for a version that was not given.
  const illegal = external ? (version ?? -3) < 0 : version !== undefined && version <= 0
  return [
    ...(illegal ? [`illegal version value [${version ?? -3}] for version type [${versionType.toUpperCase()}]`] : []),
    ...(!external && version !== undefined
      ? [
          "internal versioning can not be used for optimistic concurrency control. " +
            "Please use `if_seq_no` and `if_primary_term` instead"
        ]
      : []),
    ...(ifSeqNo !== undefined && (external || version !== undefined)
      ? ["compare and write operations can not use versioning"]
      : []),
    ...(ifSeqNo !== undefined && ifPrimaryTerm === undefined ? ["ifSeqNo is set, but primary term is [0]"] : []),
    ...(ifSeqNo === undefined && ifPrimaryTerm !== undefined
      ? [`ifSeqNo is unassigned, but primary term is [${ifPrimaryTerm}]`]
      : [])
  ]
}

const seqNoConflict = (given: Expectation, stored: Stored | undefined): string | undefined => {
  const { ifPrimaryTerm, ifSeqNo } = given
  if (ifSeqNo === undefined) return undefined
  const required = `required seqNo [${ifSeqNo}], primary term [${ifPrimaryTerm ?? 0}].`
  if (stored === undefined || stored.deleted) return `${required} but no document was found`
  if (stored.seqNo === ifSeqNo && ifPrimaryTerm === primaryTerm) return undefined
  return `${required} current document has seqNo [${stored.seqNo}] and primary term [${primaryTerm}]`
}

/** Why a write is refused; undefined when it is not. `create` refuses any document that there is. */
export const conflict = (given: Expectation, stored: Stored | undefined, create: boolean): string | undefined => {
  const { version = -3, versionType } = given
  const bySeqNo = seqNoConflict(given, stored)
  if (bySeqNo !== undefined) return bySeqNo
  if (stored === undefined) return undefined
  const current = `current version [${stored.version}]`
  if (create && !stored.deleted) return `document already exists (${current})`
  if (versionType === "external" && stored.version >= version)
    return `${current} is higher or equal to the one provided [${version}]`
  if (versionType === "external_gte" && stored.version > version)
    return `${current} is higher than the one provided [${version}]`
  return undefined
}

/** The version that a write leaves behind. */
export const nextVersion = ({ version, versionType }: Expectation, stored: Stored | undefined): number =>
  versionType === "internal" || version === undefined ? (stored?.version ?? 0) + 1 : version
