/** One client of the embedded database: its login and its commands. */
import { randomBytes } from "node:crypto"
import type { Socket } from "node:net"
import type { MysqlEngine } from "../Engine.ts"
import { endPayload, errorPayload, okPayload } from "../wire/answers.ts"
import { fixed } from "../wire/bytes.ts"
import { code } from "../wire/commands.ts"
import { greetingPayload, readCredentials, readLogin } from "../wire/login.ts"
import { eachPacket, framed, largestPayload, type Packet } from "../wire/packets.ts"
import { type ParameterTypes, readParameters } from "../wire/parameters.ts"
import { passwordProof, scrambleBytes } from "../wire/password.ts"
import { columnPayload, rowPayloads } from "../wire/rows.ts"
import { MysqlError, mysqlErrorOf } from "./MysqlError.ts"
import { argumentsOf, recognise, type Recognised } from "./recognise.ts"
import type { Session } from "./Session.ts"

export interface FrontConnectionOptions {
  readonly socket: Socket
  readonly id: number
  readonly session: Session
  readonly entrance: Pick<MysqlEngine, "user" | "password" | "database">
}

interface Prepared {
  readonly recognised: Recognised
  types: ParameterTypes
}

/** Bytes that are neither zero nor beyond ASCII. */
const newScramble = (): Buffer => Buffer.from(randomBytes(scrambleBytes).map((byte) => byte & 0x7f || 1))

export class FrontConnection {
  private readonly options: FrontConnectionOptions
  private readonly scramble = newScramble()
  private readonly prepared = new Map<number, Prepared>()
  private lastStatement = 0
  private loggedIn = false

  constructor(options: FrontConnectionOptions) {
    this.options = options
  }

  start(): void {
    const { id, session, socket } = this.options
    socket.write(framed(0, [greetingPayload(id, this.scramble, session.status)]))
    eachPacket(socket, (packet) => this.receive(packet))
  }

  private async receive(packet: Packet): Promise<void> {
    const { socket } = this.options
    const answer = (payloads: ReadonlyArray<Buffer>): void => {
      if (!socket.destroyed && payloads.length > 0) socket.write(framed(packet.sequence + 1, payloads))
    }
    try {
      if (packet.payload.length === largestPayload) throw new MysqlError(1153, "Got a packet bigger than 16 MB")
      answer(this.loggedIn ? await this.command(packet.payload) : this.login(packet.payload))
      this.loggedIn = true
    } catch (error) {
      const { errno, message } = mysqlErrorOf(error)
      answer([errorPayload(errno, message)])
      if (!this.loggedIn || errno === 1153) socket.end()
    }
  }

  private ok(affectedRows = 0): ReadonlyArray<Buffer> {
    return [okPayload(affectedRows, this.options.session.status)]
  }

  private login(payload: Buffer): ReadonlyArray<Buffer> {
    const login = readLogin(payload)
    if (login === undefined) throw new MysqlError(1043, "Bad handshake")
    const { password, user } = this.options.entrance
    const { database, proof } = readCredentials(payload, login)
    if (login.user !== user || !proof.equals(passwordProof(password, this.scramble))) {
      throw new MysqlError(
        1045,
        `Access denied for user '${login.user}'@'127.0.0.1' (using password: ${proof.length === 0 ? "NO" : "YES"})`
      )
    }
    return database === "" ? this.ok() : this.use(database)
  }

  private use(database: string): ReadonlyArray<Buffer> {
    if (database !== this.options.entrance.database) throw new MysqlError(1049, `Unknown database '${database}'`)
    return this.ok()
  }

  private async command(payload: Buffer): Promise<ReadonlyArray<Buffer>> {
    switch (payload[0]) {
      case code.query: {
        return this.carryOut(recognise(payload.toString("utf8", 1)), [], "text")
      }
      case code.prepare: {
        return this.prepare(recognise(payload.toString("utf8", 1)))
      }
      case code.execute: {
        return this.execute(payload)
      }
      case code.closeStatement: {
        this.prepared.delete(payload.readUInt32LE(1))
        return []
      }
      case code.quit: {
        this.options.socket.end()
        return []
      }
      case code.initDb: {
        return this.use(payload.toString("utf8", 1))
      }
      case code.resetConnection: {
        this.options.session.reset()
        this.prepared.clear()
        return this.ok()
      }
      case code.ping:
      case code.resetStatement: {
        return this.ok()
      }
      default: {
        throw new MysqlError(1047, "Unknown command")
      }
    }
  }

  private prepare(recognised: Recognised): ReadonlyArray<Buffer> {
    this.lastStatement += 1
    this.prepared.set(this.lastStatement, { recognised, types: [] })
    const { columns = [] } = recognised.statement
    const parameters = Array.from({ length: recognised.parameters }, () => columnPayload({ name: "?", type: "text" }))
    const end = endPayload(this.options.session.status)
    return [
      Buffer.concat([
        Buffer.of(0),
        fixed(this.lastStatement, 4),
        fixed(columns.length, 2),
        fixed(recognised.parameters, 2),
        Buffer.of(0, 0, 0)
      ]),
      ...(parameters.length === 0 ? [] : [...parameters, end]),
      ...(columns.length === 0 ? [] : [...columns.map(columnPayload), end])
    ]
  }

  private async execute(payload: Buffer): Promise<ReadonlyArray<Buffer>> {
    const prepared = this.prepared.get(payload.readUInt32LE(1))
    if (prepared === undefined) throw new MysqlError(1243, "Unknown prepared statement handler given to EXECUTE")
    const { recognised } = prepared
    const read = readParameters(payload, recognised.parameters, prepared.types)
    if (read === undefined)
      throw new MysqlError(1210, "Incorrect arguments to EXECUTE: only texts and numbers are known")
    prepared.types = read.types
    return this.carryOut(recognised, read.values, "binary")
  }

  private async carryOut(
    recognised: Recognised,
    parameters: ReadonlyArray<string | number | null>,
    form: "text" | "binary"
  ): Promise<ReadonlyArray<Buffer>> {
    const { statement } = recognised
    // A placeholder has no value in a plain text.
    if (form === "text" && recognised.parameters > 0) throw new MysqlError(1064, "You have an error in your SQL syntax")
    const { session } = this.options
    const result = await session.execute(statement, argumentsOf(recognised, parameters))
    return "rows" in result
      ? rowPayloads(statement.columns ?? [], result.rows, form, session.status)
      : this.ok(result.affectedRows)
  }
}
