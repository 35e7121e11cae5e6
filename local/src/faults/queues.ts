/** The queues as an operator sees them: what is in them, and dead letters that are brought back. */
import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient
} from "@aws-sdk/client-sqs"

/** What can be done with the queues, by their names in platform.json. */
export interface Queues {
  readonly send: (queue: string, body: string) => Promise<void>
  /** How many messages are in it, seen or unseen or delayed. */
  readonly count: (queue: string) => Promise<number>
  /** Takes everything that can be seen; none of it comes again. */
  readonly takeAll: (queue: string) => Promise<ReadonlyArray<string>>
  /** Moves everything from a dead-letter queue to the queue that it came from, once. */
  readonly redrive: (queue: string) => Promise<number>
}

const counts = [
  "ApproximateNumberOfMessages",
  "ApproximateNumberOfMessagesNotVisible",
  "ApproximateNumberOfMessagesDelayed"
] as const

/** The queues of a platform. */
export const queuesOf = (sqs: SQSClient, urls: Readonly<Record<string, string>>): Queues => {
  const urlOf = (queue: string): string => {
    const url = urls[queue]
    if (url === undefined) throw new Error(`there is no queue ${queue}`)
    return url
  }
  const send: Queues["send"] = async (queue, MessageBody) =>
    void (await sqs.send(new SendMessageCommand({ QueueUrl: urlOf(queue), MessageBody, DelaySeconds: 0 })))
  const takeAll: Queues["takeAll"] = async (queue) => {
    const QueueUrl = urlOf(queue)
    const bodies: Array<string> = []
    for (;;) {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }))
      if (Messages.length === 0) return bodies
      for (const { Body = "", ReceiptHandle } of Messages) {
        bodies.push(Body)
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
      }
    }
  }
  return {
    send,
    takeAll,
    count: async (queue) => {
      const { Attributes = {} } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl: urlOf(queue), AttributeNames: [...counts] })
      )
      return counts.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0)
    },
    redrive: async (queue) => {
      const bodies = await takeAll(`${queue}Dlq`)
      for (const body of bodies) await send(queue, body)
      return bodies.length
    }
  }
}
