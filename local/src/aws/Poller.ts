/** An SQS event source mapping: feeds a queue's messages to a function, as Lambda's own pollers do. */
import { setTimeout as sleep } from "node:timers/promises"
import { DeleteMessageBatchCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs"
import { region } from "./identity.ts"
import { fitting, type Received, sqsEvent, succeeded } from "./sqsEvent.ts"

export interface PollerOptions {
  /** The engine itself: what the platform does must not be in the journal, nor meet the fault rules. */
  readonly sqsEndpoint: string
  /** Of the engine or of the proxy: it is the path that says which queue. */
  readonly queueUrl: string
  readonly queueArn: string
  readonly batchSize: number
  /** How long a batch is gathered, from its first message on. */
  readonly windowSeconds: number
  /** How many invocations may run at a time. */
  readonly concurrency: number
  readonly invoke: (payload: string) => Promise<{ readonly payload: string; readonly functionError?: string }>
}

const receiveLimit = 10
const deleteLimit = 10
const longPollSeconds = 20
const pauseMs = 500
const stopMs = 800

const credentials = { accessKeyId: "poller", secretAccessKey: "poller" }

class Poller implements AsyncDisposable {
  private readonly options: PollerOptions
  private readonly client: SQSClient
  private readonly queueUrl: string
  private readonly fifo: boolean
  private readonly stopping = new AbortController()
  private readonly loops: ReadonlyArray<Promise<void>>

  constructor(options: PollerOptions) {
    this.options = options
    this.queueUrl = new URL(new URL(options.queueUrl).pathname, options.sqsEndpoint).href
    this.fifo = options.queueArn.endsWith(".fifo")
    this.client = new SQSClient({
      endpoint: options.sqsEndpoint,
      region,
      credentials,
      maxAttempts: 1,
      useQueueUrlAsEndpoint: false
    })
    this.loops = Array.from({ length: options.concurrency }, () => this.loop())
  }

  private async loop(): Promise<void> {
    const { signal } = this.stopping
    while (!signal.aborted) {
      try {
        const messages = await this.gather()
        for (const batch of fitting(messages, this.options.queueArn)) {
          if (signal.aborted) break
          const whole = await this.deliver(batch)
          // What follows a failed message of a FIFO queue must not overtake it.
          if (!whole && this.fifo) break
        }
      } catch {
        // The queue is not there or does not answer: what was received becomes visible again by itself.
        await sleep(pauseMs, undefined, { signal }).catch(() => {})
      }
    }
  }

  private async receive(count: number, waitSeconds: number): Promise<ReadonlyArray<Received>> {
    const { Messages = [] } = await this.client.send(
      new ReceiveMessageCommand({
        QueueUrl: this.queueUrl,
        MaxNumberOfMessages: Math.min(count, receiveLimit),
        WaitTimeSeconds: waitSeconds,
        MessageSystemAttributeNames: ["All"],
        MessageAttributeNames: ["All"]
      }),
      { abortSignal: this.stopping.signal }
    )
    return Messages as ReadonlyArray<Received>
  }

  /** A batch: full, or as many messages as came within the window. */
  private async gather(): Promise<ReadonlyArray<Received>> {
    const { batchSize, windowSeconds } = this.options
    const messages = [...(await this.receive(batchSize, longPollSeconds))]
    const end = Date.now() + windowSeconds * 1000
    while (messages.length > 0 && messages.length < batchSize && !this.stopping.signal.aborted) {
      const left = end - Date.now()
      if (left <= 0) break
      const more = await this.receive(batchSize - messages.length, Math.floor(left / 1000))
      messages.push(...more)
      // Under a second a receive does not wait, so the pause is made here.
      if (more.length === 0) await sleep(Math.min(Math.max(end - Date.now(), 0), 100))
    }
    return messages
  }

  /** Invokes the function and deletes what it has done; true when that was the whole batch. */
  private async deliver(batch: ReadonlyArray<Received>): Promise<boolean> {
    const result = await this.options.invoke(sqsEvent(batch, this.options.queueArn)).catch(() => undefined)
    if (result === undefined || result.functionError !== undefined) return false
    const done = succeeded(batch, result.payload)
    for (let start = 0; start < done.length; start += deleteLimit) {
      await this.client.send(
        new DeleteMessageBatchCommand({
          QueueUrl: this.queueUrl,
          Entries: done
            .slice(start, start + deleteLimit)
            .map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }))
        })
      )
    }
    return done.length === batch.length
  }

  /** Stops receiving at once; an invocation that is still running gets a moment to end and to be deleted. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stopping.abort()
    const limit = new AbortController()
    await Promise.race([Promise.all(this.loops), sleep(stopMs, undefined, { signal: limit.signal }).catch(() => {})])
    limit.abort()
    this.client.destroy()
  }
}

/** Starts feeding the queue to `invoke`, until it is disposed of. */
export const startPoller = (options: PollerOptions): AsyncDisposable => new Poller(options)
