import { assert, describe, it } from "@effect/vitest"
import { activeLockId, fingerprintOf, normalisedEmail, requestIdOf } from "../../../src/layers/MParticle/hashing.ts"
import { CorrelationId, Email, IdentityId } from "../../../src/schemas/DataSubjectRequest.ts"
import type { Submission } from "../../../src/services/MParticle.ts"
import { uuid } from "../../support/baton.ts"

const submission: Submission = {
  identityId: IdentityId.make("person"),
  correlationId: CorrelationId.make("workflow"),
  email: Email.make("user@example.com"),
  type: "delete",
  regulation: "GDPR"
}
const { email: _email, ...withoutEmail } = submission

describe("hashing", () => {
  it("B-01 makes an id that is a UUID of version 4 and depends on stage, correlation id, person and type alone", () => {
    const id = requestIdOf("CODE", submission)
    assert.match(id, uuid)
    assert.strictEqual(requestIdOf("CODE", { ...withoutEmail, regulation: "CCPA" }), id)
    const others = [
      requestIdOf("PROD", submission),
      requestIdOf("CODE", { ...submission, type: "export" }),
      requestIdOf("CODE", { ...submission, correlationId: CorrelationId.make("x") }),
      requestIdOf("CODE", { ...submission, identityId: IdentityId.make("x") })
    ]
    assert.strictEqual(new Set([id, ...others]).size, 5)
  })

  it("B-22 tells different wishes apart, whatever they are correlated with", () => {
    const fingerprint = fingerprintOf(submission, "hash")
    assert.strictEqual(fingerprintOf({ ...submission, correlationId: CorrelationId.make("x") }, "hash"), fingerprint)
    const others = [
      fingerprintOf(withoutEmail, undefined),
      fingerprintOf(submission, "another hash"),
      fingerprintOf({ ...submission, identityId: IdentityId.make("x") }, "hash"),
      fingerprintOf({ ...submission, type: "export" }, "hash"),
      fingerprintOf({ ...submission, regulation: "CCPA" }, "hash")
    ]
    assert.strictEqual(new Set([fingerprint, ...others]).size, 6)
  })

  it("D-11 spells an address one way", () => {
    assert.strictEqual(normalisedEmail("User@Example.COM "), normalisedEmail("user@example.com"))
  })

  it("B-28 locks a person and a type, with no identity in clear", () => {
    const lock = activeLockId(submission.identityId, "delete")
    assert.notInclude(lock, submission.identityId)
    assert.notStrictEqual(lock, activeLockId(submission.identityId, "export"))
    assert.notStrictEqual(lock, activeLockId(IdentityId.make("other"), "delete"))
  })
})
