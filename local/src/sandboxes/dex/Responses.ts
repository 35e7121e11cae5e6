/** What the API answers for each of its clients, kept in a file between runs when there is one. */
import { JsonFile } from "../../aws/JsonFile.ts"
import type { DexClient } from "./clients.ts"

/** An id as the API is asked for it: digits, without zeros in front. Undefined for one that it cannot be asked for. */
const digitsOf = (id: DexClient["clientId"]): string | undefined => {
  if (typeof id === "number") return Number.isInteger(id) && id >= 0 ? String(BigInt(id)) : undefined
  return id !== null && /^\s*\d+\s*$/.test(id) ? String(BigInt(id)) : undefined
}

const ownResponse = (id: string, date: string): string =>
  `{"id":"sample-${id}","payload":{"clientId":${id},"triggerDate":"${date}"}}`

/** The API's clients. */
export class Responses {
  private readonly kept: JsonFile<{ clients: ReadonlyArray<DexClient> }>
  private byId: ReadonlyMap<string, string | undefined>

  constructor(file?: string) {
    this.kept = new JsonFile(file, { clients: [] })
    this.byId = Responses.index(this.kept.value.clients)
  }

  private static index(clients: ReadonlyArray<DexClient>): ReadonlyMap<string, string | undefined> {
    return new Map(
      clients.flatMap(({ clientId, response }) => {
        const id = digitsOf(clientId)
        return id === undefined ? [] : [[id, response] as const]
      })
    )
  }

  /** Replaces all clients. Of several with one id the last one counts. */
  replace(clients: ReadonlyArray<DexClient>): void {
    this.byId = Responses.index(clients)
    this.kept.value.clients = clients
    this.kept.save()
  }

  /** The response for a client and a date; undefined for a client that there is not. */
  find(clientId: string, date: string): string | undefined {
    const id = String(BigInt(clientId))
    return this.byId.has(id) ? (this.byId.get(id) ?? ownResponse(id, date)) : undefined
  }
}
