/** The deletion queue's part of the demo: somebody whose account is gone is deleted at mParticle and at Braze. */
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs"
import { region } from "../aws/identity.ts"
import { expect, type Step } from "./Step.ts"
import type { World } from "./World.ts"

const bulk = "/userprofile/bulkdelete"
const braze = "/braze/users/delete"
const limitMs = 20_000

/** The step. */
export const deletion = (world: World): ReadonlyArray<Step> => {
  const { aws, queues } = world.platform.info
  const url = queues["deletion"] ?? ""
  const calls = (path: string): number => world.received("mparticle", "POST", path)

  return [
    {
      title: "Identity deletes an account: the person goes at mParticle and at Braze",
      trigger: `SQS queue ${url}, a message as SNS puts it there`,
      run: async () => {
        const credentials = { accessKeyId: "demo", secretAccessKey: "demo" }
        const sqs = new SQSClient({ region, credentials, maxAttempts: 1, endpoint: aws.sqs })
        const Message = JSON.stringify({ userId: "person-9", eventType: "DELETE", brazeId: "braze-9" })
        const MessageBody = JSON.stringify({ Type: "Notification", Message })
        // The queue itself would keep it back for ten seconds first.
        await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody, DelaySeconds: 0 }))
        sqs.destroy()
        const end = performance.now() + limitMs
        while (calls(braze) === 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 100))
        expect(calls(bulk) === 1 && calls(braze) === 1, "it was not deleted once at each")
        return {
          answer: "the message is done",
          stored: [`mParticle: one call of POST ${bulk}`, `Braze: one call of POST /users/delete`]
        }
      }
    }
  ]
}
