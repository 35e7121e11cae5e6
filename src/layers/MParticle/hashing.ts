/** Ids and fingerprints derived by SHA-256. */
import { createHash } from "node:crypto"
import { CorrelationId, type IdentityId, RequestId, type RequestType } from "../../schemas/DataSubjectRequest.ts"
import type { Submission } from "../../services/MParticle.ts"
import * as Uuid from "../../services/Uuid.ts"

const sha256 = (parts: ReadonlyArray<string>): Buffer => createHash("sha256").update(parts.join("|")).digest()

/**
 * The id of a submission: the first 16 bytes of SHA-256 over `dsr-v1|stage|correlationId|identityId|type` as a
 * lower-case UUID of version 4. The same submission has the same id in every process, so a repetition finds the first.
 */
export const requestIdOf = (stage: string, submission: Submission): RequestId =>
  RequestId.make(
    Uuid.format([...sha256(["dsr-v1", stage, submission.correlationId, submission.identityId, submission.type])])
  )

/** The UUID of version 4 that follows from these texts, and from these alone. */
export const uuidOf = (texts: ReadonlyArray<string>): string => Uuid.format([...sha256([JSON.stringify(texts)])])

/** The correlation id on record for a submission by e-mail: one key may serve a caller for several requests. */
export const correlationIdOf = (key: string, identityId: IdentityId, type: RequestType): CorrelationId =>
  CorrelationId.make(Uuid.format([...sha256(["http-v1", key, identityId, type])]))

/**
 * Tells two different submissions under one correlation id apart. It outlives the address, so that is in it as the keyed
 * hash: whoever reads the record must not be able to try addresses on it.
 */
export const fingerprintOf = (
  { identityId, regulation, type }: Omit<Submission, "email">,
  emailHash: string | undefined
): string => sha256([JSON.stringify([identityId, emailHash ?? null, type, regulation])]).toString("hex")

/** Key of the lock that lets a person have one active request of a type; holds no identity in clear. */
export const activeLockId = (identityId: IdentityId, type: RequestType): string =>
  `ACTIVE#${sha256([identityId]).toString("hex")}#${type}`

/** The spelling under which an e-mail address is stored and looked up. */
export const normalisedEmail = (email: string): string => email.trim().toLowerCase()
