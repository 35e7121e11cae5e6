/** One connection through the sandbox `mysql`: it knows the commands, and does to them what the rules say. */
import type { Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import type { CallFacts, Fault } from "../sandboxes/Faults.ts"
import type { JournalEntry, Sandbox } from "../sandboxes/Sandbox.ts"
import type { Caller } from "../sandboxes/serveHttp.ts"
import { errorMark, errorPayload, okMark } from "./wire/answers.ts"
import { code, type Command, readCommand } from "./wire/commands.ts"
import { loginAs, openGreeting, readLogin } from "./wire/login.ts"
import { eachPacket, framed, type Packet, PacketReader } from "./wire/packets.ts"

export interface ProxiedOptions {
  readonly sandbox: Sandbox
  readonly client: Socket
  readonly server: Socket
  /** Who logs in with this user name, and the name that the server knows; undefined leaves the name as it is. */
  readonly identify: (user: string) => { readonly user: string; readonly caller: Caller | undefined } | undefined
}

/** What is done with an answer: it goes on to the client, or a part of it does, or something happens instead. */
type Plan = { readonly pass: number } | { readonly instead: () => void }

const passAll: Plan = { pass: Number.POSITIVE_INFINITY }

interface Awaited {
  readonly entry: JournalEntry
  readonly plan: Plan
  /** Hears the beginning of an answer that is no error. */
  readonly begun?: (head: Buffer) => void
}

const unknownError = 1105
const answered = 200
/** So much of an answer tells whether it is an error, and a prepared statement's id. */
const headBytes = 5

export class ProxyConnection {
  private readonly options: ProxiedOptions
  private readonly prepared = new Map<number, string>()
  private readonly handshake = new PacketReader()
  private phase: "greeting" | "login" | "commands" = "greeting"
  private caller: Caller | undefined
  private awaited: Awaited | undefined
  private heard = Buffer.alloc(0)
  /** How many more bytes the client gets. */
  private left = Number.POSITIVE_INFINITY

  constructor(options: ProxiedOptions) {
    this.options = options
  }

  start(): void {
    const { client, server } = this.options
    eachPacket(client, (packet) => this.fromClient(packet))
    server.on("data", (chunk: Buffer) => {
      try {
        this.fromServer(chunk)
      } catch {
        this.cut()
      }
    })
    client.on("drain", () => server.resume())
  }

  private cut(): void {
    this.options.client.resetAndDestroy()
    this.options.server.destroy()
  }

  private pass(bytes: Buffer): void {
    const { client, server } = this.options
    const passed = bytes.subarray(0, this.left)
    this.left -= passed.length
    if (this.left === 0) {
      // Not with a reset, which would take the last bytes along.
      client.write(passed, () => client.destroy())
    } else if (!client.write(passed)) {
      server.pause()
    }
  }

  private async send(bytes: Buffer): Promise<void> {
    const { server } = this.options
    if (server.destroyed || server.write(bytes)) return
    await new Promise<void>((resolve) => {
      const go = (): void => {
        server.off("drain", go).off("close", go)
        resolve()
      }
      server.on("drain", go).on("close", go)
    })
  }

  private async fromClient(packet: Packet): Promise<void> {
    if (this.phase === "commands") {
      // A later packet belongs to the command before it, which was too long for one.
      if (packet.sequence !== 0) return this.send(packet.raw)
      // An answer that is cut off after more bytes than it had ends here.
      if (Number.isFinite(this.left)) return this.cut()
      return this.command(packet)
    }
    // What follows a login answers the server's questions about the password.
    if (this.awaited !== undefined) return this.send(packet.raw)
    return this.login(packet)
  }

  private async login(packet: Packet): Promise<void> {
    const login = readLogin(packet.payload)
    if (login === undefined) return this.cut()
    const identity = this.options.identify(login.user)
    this.caller = identity?.caller
    const facts = { method: "LOGIN", path: "/", operation: "login" }
    await this.carryOut({
      entry: { ...facts, body: "" },
      facts,
      packet,
      bytes: loginAs(packet, identity?.user ?? login.user),
      begun: () => {
        this.phase = "commands"
      }
    })
  }

  private async command(packet: Packet): Promise<void> {
    const command = readCommand(packet.payload, this.prepared)
    const { method, operation, verb: path, sql: body } = command
    if (command.code === code.closeStatement && packet.payload.length >= headBytes) {
      this.prepared.delete(packet.payload.readUInt32LE(1))
    }
    await this.carryOut({
      entry: { method, path, operation, body },
      facts: { method, path, operation: path === "/" ? operation : [operation, path] },
      packet,
      bytes: packet.raw,
      ...(command.answered ? { begun: this.learn(command) } : {})
    })
  }

  /** A prepared statement's text is only known by the id that the server gives it. */
  private learn(command: Command): (head: Buffer) => void {
    return (head) => {
      if (command.code === code.prepare && head.length >= headBytes) {
        this.prepared.set(head.readUInt32LE(1), command.sql)
      }
    }
  }

  /** Does what the rules say. Without `begun`, the server is not expected to answer. */
  private async carryOut(call: {
    readonly entry: Pick<JournalEntry, "method" | "path" | "operation" | "body">
    readonly facts: CallFacts
    readonly packet: Packet
    readonly bytes: Buffer
    readonly begun?: (head: Buffer) => void
  }): Promise<void> {
    const { sandbox, client } = this.options
    const caller = this.caller
    const known = caller === undefined ? {} : { function: caller.function }
    const entry = sandbox.record({ ...call.entry, ...known, headers: {} })
    const fault = sandbox.faults.take({ ...call.facts, ...known })
    if (fault !== undefined && "error" in fault) {
      const errno = Number(fault.error) || unknownError
      entry.status = errno
      const error = framed(call.packet.sequence + 1, [errorPayload(errno, "by a rule of the mysql sandbox")])
      // A refused login is the end of the connection.
      if (this.phase === "login") client.end(error)
      else client.write(error)
      return
    }
    if (fault !== undefined && "delayMs" in fault) await sleep(fault.delayMs, undefined, { ref: false })
    const plan = this.planFor(fault)
    if (plan === undefined) return this.cut()
    if (call.begun === undefined) {
      entry.status = answered
      await this.send(call.bytes)
      if ("instead" in plan) plan.instead()
      return
    }
    this.awaited = { entry, plan, begun: call.begun }
    return this.send(call.bytes)
  }

  /** What comes of the server's answer; undefined when the server is not even asked. */
  private planFor(fault: Fault | undefined): Plan | undefined {
    const caller = this.caller
    if (fault === undefined || "delayMs" in fault) return passAll
    if ("truncate" in fault) return { pass: fault.truncate }
    if ("commitThenReset" in fault) return { instead: () => this.cut() }
    if ("commitThenKill" in fault) {
      return {
        instead: () => {
          caller?.kill()
          this.cut()
        }
      }
    }
    if (!("kill" in fault)) return undefined
    if (fault.afterMs === undefined) {
      caller?.kill()
      return undefined
    }
    setTimeout(() => caller?.kill(), fault.afterMs).unref()
    return passAll
  }

  private fromServer(chunk: Buffer): void {
    if (this.phase !== "commands") {
      for (const packet of this.handshake.push(chunk)) this.fromHandshake(packet)
      return
    }
    if (this.awaited === undefined) return this.pass(chunk)
    this.heard = Buffer.concat([this.heard, chunk])
    const { heard } = this
    const head = heard.subarray(4, 4 + headBytes)
    if (heard.length < 4 || head.length < Math.min(headBytes, heard.readUIntLE(0, 3))) return
    this.heard = Buffer.alloc(0)
    this.answer(this.awaited, head, heard)
  }

  private fromHandshake(packet: Packet): void {
    if (this.phase === "greeting") {
      this.phase = "login"
      return this.pass(openGreeting(packet))
    }
    const first = packet.payload[0]
    // Anything else is a question about the password.
    if (this.awaited === undefined || (first !== okMark && first !== errorMark)) return this.pass(packet.raw)
    this.answer(this.awaited, packet.payload, packet.raw)
  }

  private answer(awaited: Awaited, head: Buffer, bytes: Buffer): void {
    this.awaited = undefined
    const failed = head[0] === errorMark
    awaited.entry.status = failed ? head.readUInt16LE(1) : answered
    if (!failed) awaited.begun?.(head)
    if ("instead" in awaited.plan) return awaited.plan.instead()
    this.left = awaited.plan.pass
    if (this.left === 0) return this.cut()
    this.pass(bytes)
  }
}
