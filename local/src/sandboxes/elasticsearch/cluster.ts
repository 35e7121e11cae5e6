/** The cluster as a whole, and its indexes. */
import { isRecord } from "../../isRecord.ts"
import { ElasticError, parseError } from "./elasticError.ts"
import { readMappings } from "./mappings.ts"
import type { Call, Reply } from "./Reply.ts"

const reply = (body: object): Reply => ({ status: 200, json: JSON.stringify(body) })

const clusterName = "local"

/** `GET` and `HEAD /`. */
export const info = (): Reply =>
  reply({
    name: "local",
    cluster_name: clusterName,
    cluster_uuid: "AAAAAAAAAAAAAAAAAAAAAA",
    version: {
      number: "8.19.0",
      build_flavor: "default",
      build_type: "docker",
      build_hash: "0000000000000000000000000000000000000000",
      build_date: "2025-07-01T00:00:00.000000000Z",
      build_snapshot: false,
      lucene_version: "9.12.2",
      minimum_wire_compatibility_version: "7.17.0",
      minimum_index_compatibility_version: "7.0.0"
    },
    tagline: "You Know, for Search"
  })

/** `GET /_cluster/health`: each index lacks the copy that would need a second node. */
export const health = ({ indexes }: Call): Reply => {
  const count = indexes.names().length
  return reply({
    cluster_name: clusterName,
    status: count === 0 ? "green" : "yellow",
    timed_out: false,
    number_of_nodes: 1,
    number_of_data_nodes: 1,
    active_primary_shards: count,
    active_shards: count,
    relocating_shards: 0,
    initializing_shards: 0,
    unassigned_shards: count,
    unassigned_primary_shards: 0,
    delayed_unassigned_shards: 0,
    number_of_pending_tasks: 0,
    number_of_in_flight_fetch: 0,
    task_max_waiting_in_queue_millis: 0,
    active_shards_percent_as_number: count === 0 ? 100 : 50
  })
}

const bodyOf = (text: string): Readonly<Record<string, unknown>> => {
  try {
    const json: unknown = JSON.parse(text === "" ? "{}" : text)
    if (isRecord(json)) return json
  } catch {
    // Told below, with what is JSON and no object.
  }
  throw parseError("parse_exception", "Failed to parse content to map")
}

/** `PUT /{index}`, with its mappings; settings and aliases are taken and have no effect. */
export const createIndex = ({ body, index = "", indexes }: Call): Reply => {
  const there = indexes.find(index)
  if (there !== undefined) {
    const { name, uuid } = there
    const reason = `index [${name}/${uuid}] already exists`
    throw new ElasticError(400, { type: "resource_already_exists_exception", reason, index_uuid: uuid, index: name })
  }
  indexes.getOrCreate(index, readMappings(bodyOf(body)["mappings"]))
  indexes.changed()
  return reply({ acknowledged: true, shards_acknowledged: true, index })
}

/** `DELETE /{index}`. */
export const deleteIndex = ({ index = "", indexes }: Call): Reply => {
  indexes.delete(index)
  indexes.changed()
  return reply({ acknowledged: true })
}

/** `HEAD /{index}`. */
export const indexExists = ({ index = "", indexes }: Call): Reply => {
  indexes.get(index)
  return reply({})
}

/** `POST` and `GET /{index}/_refresh`: what was written is found at once anyway. */
export const refreshIndex = ({ index = "", indexes }: Call): Reply => {
  indexes.get(index)
  return reply({ _shards: { total: 2, successful: 1, failed: 0 } })
}
