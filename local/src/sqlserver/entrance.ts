/** Who may log in, and what a login is answered with. */
import type { Processes } from "../aws/AwsProxy.ts"
import type { Caller } from "../sandboxes/serveHttp.ts"
import { type Answer, errorAnswer, plainAnswer } from "./Answer.ts"
import { loginNotices } from "./errors.ts"
import type { Exchange } from "./exchange.ts"
import { type Login, newestVersion } from "./wire/login.ts"
import { defaultPacketSize } from "./wire/packets.ts"
import { changedToken, collationToken, doneStatus, doneToken, infoToken, loginToken } from "./wire/tokens.ts"

/** A function process logs in with this, followed by its id. */
export const sqlServerUserPrefix = "local_"

/** The server's one database, its user, and the password of everybody. */
export interface Entrance {
  readonly user: string
  readonly password: string
  readonly database: string
}

const smallestPacket = 512
const largestPacket = 32_767

/** The size of packets that a login asks for, within what TDS allows. */
export const packetSizeOf = ({ packetSize }: Login): number =>
  packetSize === 0 ? defaultPacketSize : Math.min(Math.max(packetSize, smallestPacket), largestPacket)

const callerOf = (user: string, processes: Processes): Caller | undefined =>
  user.startsWith(sqlServerUserPrefix)
    ? processes.caller(user.slice(sqlServerUserPrefix.length).toLowerCase())
    : undefined

const says = (number: number, state: number, message: string): Buffer =>
  infoToken({ number, state, class: 10, message })

const welcome = (login: Login, database: string): Answer =>
  plainAnswer([
    changedToken("database", database, "master"),
    says(5701, 2, `Changed database context to '${database}'.`),
    collationToken(),
    changedToken("language", "us_english", ""),
    says(5703, 1, "Changed language setting to us_english."),
    loginToken(Math.min(login.version, newestVersion)),
    changedToken("packetSize", String(packetSizeOf(login)), String(defaultPacketSize)),
    doneToken("statement", doneStatus.final)
  ])

const loginFailed = 18456
const cannotOpen = 4060

/** A login as the sandbox sees it; `admitted` is called when it is accepted. */
export const loginExchange = (
  login: Login,
  entrance: Entrance,
  processes: Processes,
  admitted: () => void
): Exchange => {
  const { database, password, user } = login
  const facts = { user, database: database === "" ? entrance.database : database }
  const refuse = (number: number): Answer => errorAnswer(loginNotices(number, facts), "batch", true)
  return {
    entry: { method: "LOGIN", path: "/", operation: "login", body: "" },
    operations: ["login"],
    caller: callerOf(user, processes),
    refuse,
    perform: () => {
      const isKnown = user === entrance.user || user.startsWith(sqlServerUserPrefix)
      if (!isKnown || password !== entrance.password) return refuse(loginFailed)
      if (facts.database.toLowerCase() !== entrance.database.toLowerCase()) return refuse(cannotOpen)
      admitted()
      return welcome(login, entrance.database)
    }
  }
}
