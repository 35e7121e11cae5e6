/** Whether something listens beyond 127.0.0.1: by the kernel's own list where there is one, and by trying. */
import { existsSync, readFileSync } from "node:fs"
import { connect } from "node:net"
import { networkInterfaces } from "node:os"

/** The addresses, as the kernel writes them, that Linux knows to be listened on at a port. */
const listed = (port: number): ReadonlyArray<string> =>
  ["tcp", "tcp6"]
    .map((table) => `/proc/net/${table}`)
    .filter((file) => existsSync(file))
    .flatMap((file) => readFileSync(file, "utf8").trim().split("\n").slice(1))
    .flatMap((line) => {
      const [, local = "", , state] = line.trim().split(/\s+/)
      const [address = "", hex = ""] = local.split(":")
      return state === "0A" && Number.parseInt(hex, 16) === port && address !== "0100007F" ? [address] : []
    })

const accepts = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 })
    const end = (accepted: boolean) => () => {
      socket.destroy()
      resolve(accepted)
    }
    socket.once("connect", end(true)).once("error", end(false)).once("timeout", end(false))
  })

/** Every address of this machine but 127.0.0.1; those that are only valid on one link are left out. */
const otherAddresses = (): ReadonlyArray<string> =>
  Object.values(networkInterfaces())
    .flatMap((addresses = []) => addresses)
    .filter((one) => one.address !== "127.0.0.1" && !(one.family === "IPv6" && one.scopeid !== 0))
    .map(({ address }) => address)

/** Where else than on 127.0.0.1 the port can be reached. */
export const reachableBeyondLoopback = async (port: number): Promise<ReadonlyArray<string>> => {
  const tried = await Promise.all(
    otherAddresses().map(async (address) => ((await accepts(address, port)) ? [address] : []))
  )
  return [...listed(port), ...tried.flat()]
}
