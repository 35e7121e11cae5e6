import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { DeletionMessage } from "../../src/schemas/DeletionMessage.ts"
import * as Issue from "../../src/schemas/Issue.ts"

const decode = Schema.decodeUnknownEither(Schema.parseJson(DeletionMessage))

const read = (body: unknown): unknown => Either.getOrThrow(decode(JSON.stringify(body)))

/** What is said of a body that is refused. */
const refusal = (body: unknown): string => {
  const decoded = decode(typeof body === "string" ? body : JSON.stringify(body))
  assert.isTrue(Either.isLeft(decoded), JSON.stringify(body))
  return Issue.render(Issue.fromParseError(Either.getOrThrow(Either.flip(decoded))))
}

const envelope = (message: unknown): object => ({
  Type: "Notification",
  MessageId: "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
  TopicArn: "arn:aws:sns:eu-west-1:111111111111:deletions",
  Message: typeof message === "string" ? message : JSON.stringify(message),
  Timestamp: "2026-02-01T00:00:00.000Z",
  SignatureVersion: "1",
  Signature: "c2lnbmVk",
  UnsubscribeURL: "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe"
})

describe("a message of the deletion queue", () => {
  it("U-16 is a person in the envelope of SNS", () => {
    const whole = { userId: "u-1", eventType: "DELETE", email: "user@example.com", brazeId: "b-1" }
    assert.deepStrictEqual(read(envelope(whole)), { Type: "Notification", Message: whole })
    assert.deepStrictEqual(read(envelope({ userId: "u-1", somethingNew: 1 })), {
      Type: "Notification",
      Message: { userId: "u-1" }
    })
  })

  it("U-16 has nulls for what is not there", () => {
    assert.deepStrictEqual(read(envelope({ userId: "u-1", eventType: null, email: null, brazeId: null })), {
      Type: "Notification",
      Message: { userId: "u-1" }
    })
  })

  it("U-16 is a person alone where the topic delivers raw messages", () => {
    assert.deepStrictEqual(read({ userId: "u-1", brazeId: "b-1" }), { userId: "u-1", brazeId: "b-1" })
  })

  it("is SNS's question whether the queue wants messages", () => {
    const asked = {
      Type: "SubscriptionConfirmation",
      TopicArn: "arn:aws:sns:eu-west-1:111111111111:deletions",
      SubscribeURL: "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    }
    assert.deepStrictEqual(read({ ...asked, Token: "t", Message: "You have chosen to subscribe" }), asked)
    const { TopicArn: _, ...bare } = asked
    assert.deepStrictEqual(read(bare), bare)
  })

  it("U-16 is refused without a person, in the envelope or out of it", () => {
    for (const userId of [undefined, null, "", "  ", 7, "x".repeat(257), "\uD800"]) {
      assert.include(refusal(envelope({ userId, brazeId: "b-1" })), "Message.userId")
      assert.include(refusal({ userId, brazeId: "b-1" }), "userId")
    }
    assert.include(refusal(envelope({ userId: "u-1", brazeId: 7 })), "Message.brazeId")
    assert.include(refusal(envelope("not JSON")), "Message: expected valid JSON")
    assert.include(refusal("{not JSON"), "expected valid JSON")
    for (const body of [null, [], "u-1", 7]) refusal(JSON.stringify(body))
  })

  it("is not taken for a raw one when it has a type", () => {
    assert.include(refusal({ Type: "UnsubscribeConfirmation", userId: "u-1" }), "Type")
    assert.include(refusal({ Type: null, userId: "u-1" }), "Type")
    refusal({ ...envelope("no message"), userId: "u-1" })
    refusal({ Type: "SubscriptionConfirmation", userId: "u-1" })
  })

  it("is refused without saying what was in it", () => {
    const said = refusal(envelope({ userId: "", email: "somebody@example.com", brazeId: 123_456 }))
    assert.notMatch(said, /somebody|123456/)
  })
})
