/** The tokens that a server's answers are made of, but for those of rows. */
import { eightBytes, fixed, longPrefixed, shortPrefixed } from "./bytes.ts"
import { serverVersion } from "./prelogin.ts"

/** What an error or a message says. */
export interface Notice {
  readonly number: number
  readonly state: number
  /** From 11 on it is an error, from 20 on the end of the connection. */
  readonly class: number
  readonly message: string
}

const serverName = "local"

const noticeToken = (mark: number, { class: severity, message, number, state }: Notice): Buffer => {
  const body = Buffer.concat([
    fixed(number, 4),
    Buffer.of(state, severity),
    longPrefixed(message),
    shortPrefixed(serverName),
    shortPrefixed(""),
    fixed(1, 4)
  ])
  return Buffer.concat([Buffer.of(mark), fixed(body.length, 2), body])
}

/** An error. */
export const errorToken = (notice: Notice): Buffer => noticeToken(0xaa, notice)

/** A message that is no error. */
export const infoToken = (notice: Notice): Buffer => noticeToken(0xab, notice)

const change = { database: 1, language: 2, packetSize: 4, collation: 7, reset: 18 } as const

const changeToken = (kind: number, now: Buffer, before: Buffer): Buffer =>
  Buffer.concat([Buffer.of(0xe3), fixed(1 + now.length + before.length, 2), Buffer.of(kind), now, before])

/** The session has another database, language or packet size. */
export const changedToken = (what: "database" | "language" | "packetSize", now: string, before: string): Buffer =>
  changeToken(change[what], shortPrefixed(now), shortPrefixed(before))

/** SQL_Latin1_General_CP1_CI_AS, which an installation has unless it is told otherwise. */
export const collation = Buffer.of(0x09, 0x04, 0xd0, 0x00, 0x34)

/** How the session's texts are compared. */
export const collationToken = (): Buffer =>
  changeToken(change.collation, Buffer.concat([Buffer.of(collation.length), collation]), Buffer.of(0))

/** The session is as new. */
export const resetToken = (): Buffer => changeToken(change.reset, Buffer.of(0), Buffer.of(0))

/** The login is accepted, and this version of TDS is spoken. */
export const loginToken = (version: number): Buffer => {
  const versionBytes = Buffer.alloc(4)
  versionBytes.writeUInt32BE(version)
  const { build, major, minor } = serverVersion
  const body = Buffer.concat([
    Buffer.of(1),
    versionBytes,
    shortPrefixed("Microsoft SQL Server"),
    Buffer.of(major, minor, build >> 8, build & 0xff)
  ])
  return Buffer.concat([Buffer.of(0xad), fixed(body.length, 2), body])
}

const doneMark = { statement: 0xfd, procedure: 0xfe, inProcedure: 0xff } as const

/** What the end of a statement says; the bits of its status. */
export const doneStatus = { final: 0, more: 0x01, error: 0x02, count: 0x10, attention: 0x20 } as const

const selectCommand = 0xc1

/** The end of a statement, of a procedure, or of a statement inside one. */
export const doneToken = (of: keyof typeof doneMark, status: number, count = 0): Buffer =>
  Buffer.concat([
    Buffer.of(doneMark[of]),
    fixed(status, 2),
    fixed((status & doneStatus.count) === 0 ? 0 : selectCommand, 2),
    eightBytes(BigInt(count))
  ])

/** That a procedure has succeeded. */
export const returnStatusToken = (): Buffer => Buffer.concat([Buffer.of(0x79), fixed(0, 4)])

/** The value that a procedure gives back in an INT parameter. */
export const returnValueToken = (name: string, value: number): Buffer =>
  Buffer.concat([
    Buffer.of(0xac),
    fixed(0, 2),
    shortPrefixed(name),
    Buffer.of(1),
    fixed(0, 4),
    fixed(0, 2),
    Buffer.of(0x26, 4, 4),
    fixed(value, 4)
  ])
