/** One client of the SQL Server: it says whether it encrypts, logs in, and asks. */
import type { Socket } from "node:net"
import type { SecureContext } from "node:tls"
import type { Processes } from "../aws/AwsProxy.ts"
import type { Sandbox } from "../sandboxes/Sandbox.ts"
import { cancelledToken, plainAnswer } from "./Answer.ts"
import { deliver } from "./delivery.ts"
import { type Entrance, loginExchange, packetSizeOf } from "./entrance.ts"
import { carryOut, type Exchange, type Place } from "./exchange.ts"
import { Session } from "./Session.ts"
import type { Engine } from "./sql/Engine.ts"
import { Channel } from "./wire/Channel.ts"
import { newestVersion, nullMapVersion, oldestVersion, readLogin } from "./wire/login.ts"
import { defaultPacketSize, framed, type Message, messageType } from "./wire/packets.ts"
import { agreedEncryption, encryption, preloginAnswer, wantedEncryption } from "./wire/prelogin.ts"
import { doneStatus, doneToken } from "./wire/tokens.ts"

/** What a connection is made of. */
export interface ConnectionOptions {
  readonly socket: Socket
  readonly sandbox: Sandbox
  readonly processes: Processes
  readonly engine: Engine
  readonly entrance: Entrance
  readonly tls: SecureContext
}

const answered = 200

/** One connection, from its first message to its end. */
export class Connection {
  private readonly options: ConnectionOptions
  private readonly channel: Channel
  private readonly waiting: Array<Message> = []
  private isBusy = false
  private isEncryptedForLogin = false
  private hasAgreed = false
  private session: Session | undefined
  private packetSize = defaultPacketSize
  /** Of what is being carried out. */
  private running = new AbortController()

  constructor(options: ConnectionOptions) {
    this.options = options
    this.channel = new Channel(options.socket, (message) => this.receive(message))
  }

  /** Messages are handled one after the other, but what is running hears at once that it is cancelled. */
  private receive(message: Message): void {
    if (message.type === messageType.attention) this.running.abort()
    this.waiting.push(message)
    if (!this.isBusy) this.work().catch(() => this.channel.cut())
  }

  private async work(): Promise<void> {
    this.isBusy = true
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      this.running = new AbortController()
      if (this.waiting.some(({ type }) => type === messageType.attention)) this.running.abort()
      if (!(await this.handle(next))) return
    }
    this.isBusy = false
  }

  /** Answers whether the connection goes on. */
  private handle(message: Message): Promise<boolean> | boolean {
    if (!this.hasAgreed) return this.agree(message)
    if (this.session === undefined) return this.login(message)
    if (message.type === messageType.attention) return this.acknowledge()
    if (message.isIgnored) return deliver(plainAnswer([cancelledToken()]), this.place())
    const exchange = this.session.exchange(message)
    if (exchange !== undefined) return this.carryOut(exchange)
    this.channel.cut()
    return false
  }

  private place(): Place {
    const { channel, options, packetSize, running } = this
    return { channel, packetSize, sandbox: options.sandbox, cancelled: running.signal }
  }

  private carryOut(exchange: Exchange): Promise<boolean> {
    return carryOut(exchange, this.place())
  }

  private agree({ payload, type }: Message): boolean {
    if (type !== messageType.prelogin) {
      this.channel.cut()
      return false
    }
    this.hasAgreed = true
    const agreed = agreedEncryption(wantedEncryption(payload))
    void this.channel.write(framed(messageType.answer, preloginAnswer(agreed)))
    this.isEncryptedForLogin = agreed === encryption.off
    if (agreed !== encryption.notSupported) this.channel.startTls(this.options.tls)
    return true
  }

  private login({ payload, type }: Message): Promise<boolean> | boolean {
    const login = type === messageType.login ? readLogin(payload) : undefined
    if (login === undefined || login.version < oldestVersion) {
      this.channel.cut()
      return false
    }
    const { engine, entrance, processes } = this.options
    if (this.isEncryptedForLogin) this.channel.leaveTls()
    const exchange = loginExchange(login, entrance, processes, () => {
      this.packetSize = packetSizeOf(login)
      this.session = new Session({
        engine,
        caller: exchange.caller,
        facts: { user: login.user, database: entrance.database },
        nullMap: Math.min(login.version, newestVersion) >= nullMapVersion
      })
    })
    return this.carryOut(exchange)
  }

  /**
   * The end of what was cancelled and this are two messages: a driver that has seen the beginning of the one reads the
   * other for its confirmation.
   */
  private async acknowledge(): Promise<boolean> {
    const facts = { method: "ATTENTION", path: "/", operation: "cancel" }
    this.options.sandbox.record({ ...facts, headers: {}, body: "" }).status = answered
    await this.channel.write(framed(messageType.answer, doneToken("statement", doneStatus.attention)))
    return !this.channel.isClosed
  }
}
