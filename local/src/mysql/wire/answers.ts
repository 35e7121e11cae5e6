/** The short answers of a MySQL server. */
import { fixed, lengthEncoded } from "./bytes.ts"

const sqlStates: Readonly<Record<number, string>> = {
  1040: "08004",
  1045: "28000",
  1047: "08S01",
  1048: "23000",
  1049: "42000",
  1062: "23000",
  1064: "42000",
  1146: "42S02",
  1153: "08S01",
  1213: "40001",
  1235: "42000",
  1406: "22001",
  1451: "23000",
  1452: "23000",
  1568: "25001"
}

/** The first byte of an answer that is an error. */
export const errorMark = 0xff

/** An error. Before the login is read, the client does not expect a SQL state. */
export const errorPayload = (errno: number, message: string, state = true): Buffer =>
  Buffer.concat([
    Buffer.of(errorMark),
    fixed(errno, 2),
    Buffer.from(state ? `#${sqlStates[errno] ?? "HY000"}` : ""),
    Buffer.from(message)
  ])

/** The first byte of an answer that is a plain success. */
export const okMark = 0x00

/** A success without rows. */
export const okPayload = (affectedRows: number, status: number): Buffer =>
  Buffer.concat([Buffer.of(okMark), lengthEncoded(affectedRows), lengthEncoded(0), fixed(status, 2), fixed(0, 2)])

/** The end of a list of columns, parameters or rows. */
export const endPayload = (status: number): Buffer => Buffer.concat([Buffer.of(0xfe), fixed(0, 2), fixed(status, 2)])
