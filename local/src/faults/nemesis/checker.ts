/** Holds what was promised against what is there in the end: nothing lost, nothing twice, nothing changed. */
import type { Promised } from "./History.ts"

/** What is there when everything has come to rest. */
export interface FinalState {
  /** Status by id, of every request on record. */
  readonly records: ReadonlyMap<string, string>
  /** Every request that mParticle has taken, as often as it has. */
  readonly filed: ReadonlyArray<string>
  /** How often mParticle and Braze have deleted somebody, by user. */
  readonly deletions: ReadonlyMap<string, { readonly mparticle: number; readonly braze: number }>
  /** The bodies that readers were given, by message. */
  readonly read: ReadonlyMap<string, ReadonlyArray<string>>
  /** What the humans' queue was given, as it was written. */
  readonly handedOff: ReadonlyArray<string>
  /** Works by their canonical id, in the target index. */
  readonly target: ReadonlyMap<string, string>
  /** The canonical ids that the queue after the minter was told. */
  readonly told: ReadonlySet<string>
  /** Rows of the minter's database that contradict each other. */
  readonly brokenIds: number
  /** The archive's objects by their keys. */
  readonly objects: ReadonlyMap<string, string>
  /** Messages that are left, by queue. */
  readonly left: ReadonlyMap<string, number>
}

const of = <K extends Promised["kind"]>(
  promised: ReadonlyArray<Promised>,
  kind: K
): ReadonlyArray<Extract<Promised, { readonly kind: K }>> =>
  promised.filter((one): one is Extract<Promised, { readonly kind: K }> => one.kind === kind)

const times = <A>(all: ReadonlyArray<A>): ReadonlyMap<A, number> => {
  const counts = new Map<A, number>()
  for (const one of all) counts.set(one, (counts.get(one) ?? 0) + 1)
  return counts
}

const requests = (promised: ReadonlyArray<Promised>, state: FinalState): ReadonlyArray<string> => {
  const filed = times(state.filed)
  const ids = new Map<string, string>()
  return [
    ...of(promised, "request").flatMap(({ id, person }) => {
      const other = ids.get(person)
      ids.set(person, id)
      const status = state.records.get(id)
      return [
        ...(other === undefined || other === id ? [] : [`${person} has two requests: ${other} and ${id}`]),
        ...(status === undefined ? [`request ${id} is lost: there is no record`] : []),
        ...(filed.has(id) ? [] : [`request ${id} has never reached mParticle`]),
        ...(status === undefined || status === "completed" ? [] : [`request ${id} is ${status}, not completed`])
      ]
    }),
    ...[...filed].flatMap(([id, count]) => (count === 1 ? [] : [`request ${id} is ${count} times at mParticle`]))
  ]
}

const deletions = (promised: ReadonlyArray<Promised>, { deletions: done }: FinalState): ReadonlyArray<string> =>
  of(promised, "deletion").flatMap(({ user }) => {
    const { braze = 0, mparticle = 0 } = done.get(user) ?? {}
    return mparticle > 0 && braze > 0 ? [] : [`${user} is deleted ${mparticle} times at mParticle, ${braze} at Braze`]
  })

const messages = (promised: ReadonlyArray<Promised>, { read }: FinalState): ReadonlyArray<string> => {
  const sent = of(promised, "message")
  return sent.flatMap(({ body, sid }) => {
    const bodies = read.get(sid) ?? []
    if (bodies.length === 0) return [`message ${sid} is lost: nobody has read it`]
    if (bodies.length > 1) return [`message ${sid} was read ${bodies.length} times`]
    return bodies[0] === body ? [] : [`message ${sid} was read with another text`]
  })
}

/** A human may be told of a message twice, and takes it once: the other way round it would be lost. */
const handoffs = (promised: ReadonlyArray<Promised>, { handedOff, read }: FinalState): ReadonlyArray<string> =>
  of(promised, "handoff").flatMap(({ body, sid }) => {
    const found = handedOff.filter((context) => context.includes(`"${sid}"`))
    if (read.has(sid)) return [`message ${sid} was for a human, and a reader had it`]
    if (found.length === 0) return [`message ${sid} is lost: no human was told of it`]
    return found.every((context) => context.includes(body)) ? [] : [`message ${sid} came to a human with another text`]
  })

const identifiers = (promised: ReadonlyArray<Promised>, state: FinalState): ReadonlyArray<string> => {
  const [idOf, workOf] = [new Map<string, string>(), new Map<string, string>()]
  const wrong: Array<string> = []
  for (const { id, work } of of(promised, "identifier")) {
    const [otherId, otherWork] = [idOf.get(work), workOf.get(id)]
    if (otherId !== undefined && otherId !== id) wrong.push(`work ${work} is ${otherId} for one and ${id} for another`)
    if (otherWork !== undefined && otherWork !== work) wrong.push(`${id} is the id of ${otherWork} and of ${work}`)
    idOf.set(work, id)
    workOf.set(id, work)
    const indexed = state.target.get(id)
    if (indexed === undefined) wrong.push(`work ${work} is lost: ${id} is not in the target index`)
    else if (indexed !== work) wrong.push(`${id} is ${indexed} in the target index, not ${work}`)
  }
  for (const [work, count] of times([...state.target.values()])) {
    if (count > 1) wrong.push(`work ${work} is ${count} times in the target index`)
  }
  const told = new Set([...state.told].map((id) => state.target.get(id)))
  for (const { work } of of(promised, "notification"))
    if (!told.has(work)) wrong.push(`nobody was told of work ${work}`)
  if (state.brokenIds > 0) wrong.push(`${state.brokenIds} ids in the database contradict each other`)
  return wrong
}

const objects = (promised: ReadonlyArray<Promised>, state: FinalState): ReadonlyArray<string> =>
  of(promised, "object").flatMap(({ key, text }) => {
    const stored = state.objects.get(key)
    if (stored === undefined) return [`object ${key} is lost`]
    return stored === text ? [] : [`object ${key} has other bytes than the API sent`]
  })

/** Everything that is not as it was promised; each thing once. */
export const violations = (promised: ReadonlyArray<Promised>, state: FinalState): ReadonlyArray<string> => {
  const left = [...state.left].flatMap(([queue, count]) =>
    count === 0 ? [] : [`${count} messages are left in ${queue}`]
  )
  return [
    ...new Set([
      ...requests(promised, state),
      ...deletions(promised, state),
      ...messages(promised, state),
      ...handoffs(promised, state),
      ...identifiers(promised, state),
      ...objects(promised, state),
      ...left
    ])
  ]
}
