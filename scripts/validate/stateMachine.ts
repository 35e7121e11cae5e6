/** Whether a definition in the Amazon States Language holds together: its states are of known types and lead to each other. */
import { isRecord, listOf } from "./Template.ts"

const types = new Set(["Choice", "Fail", "Map", "Parallel", "Pass", "Succeed", "Task", "Wait"])

/** Types that end by themselves, or say in other ways what follows. */
const withoutNext = new Set(["Choice", "Fail", "Succeed"])

type Fields = Readonly<Record<string, unknown>>

/** The targets of a state: what it names as next, on which way soever. */
const targetsOf = (state: Fields): ReadonlyArray<unknown> => [
  ...listOf(state["Next"]),
  ...listOf(state["Default"]),
  ...[...listOf(state["Choices"]), ...listOf(state["Catch"])].map((one) => (isRecord(one) ? one["Next"] : undefined))
]

/** The machines within a state. */
const innerOf = (state: Fields): ReadonlyArray<unknown> => [
  ...listOf(state["ItemProcessor"]),
  ...listOf(state["Iterator"]),
  ...listOf(state["Branches"])
]

const stateFindings = (where: string, state: Fields, names: ReadonlySet<string>): ReadonlyArray<string> => {
  const type = state["Type"]
  if (typeof type !== "string" || !types.has(type)) return [`${where} has no known Type`]
  const goesOn = state["Next"] !== undefined || state["End"] === true
  const inner = innerOf(state)
  return [
    ...(withoutNext.has(type) || goesOn ? [] : [`${where} has neither Next nor End`]),
    ...(type === "Choice" && listOf(state["Choices"]).length === 0 ? [`${where} has no Choices`] : []),
    ...(type === "Task" && typeof state["Resource"] !== "string" ? [`${where} has no Resource`] : []),
    ...((type === "Map" || type === "Parallel") && inner.length === 0 ? [`${where} has no states within`] : []),
    ...targetsOf(state)
      .filter((target) => typeof target !== "string" || !names.has(target))
      .map((target) => `${where} leads to ${String(target)}, which does not exist`),
    ...inner.flatMap((machine, index) => machineFindings(`${where}[${index}]`, machine))
  ]
}

const unreached = (startAt: string, states: Readonly<Record<string, unknown>>): ReadonlyArray<string> => {
  const seen = new Set<unknown>([startAt])
  for (const name of seen) {
    const state = typeof name === "string" ? states[name] : undefined
    if (isRecord(state)) for (const target of targetsOf(state)) seen.add(target)
  }
  return Object.keys(states).filter((name) => !seen.has(name))
}

/** What is wrong with a machine, or with one within a state. */
export const machineFindings = (where: string, machine: unknown): ReadonlyArray<string> => {
  const states = isRecord(machine) ? machine["States"] : undefined
  if (!isRecord(machine) || !isRecord(states)) return [`${where} has no States`]
  const startAt = machine["StartAt"]
  if (typeof startAt !== "string" || !(startAt in states)) {
    return [`${where} starts at ${String(startAt)}, which does not exist`]
  }
  const names = new Set(Object.keys(states))
  return [
    ...Object.entries(states).flatMap(([name, state]) =>
      isRecord(state) ? stateFindings(`${where}.${name}`, state, names) : [`${where}.${name} is no state`]
    ),
    ...unreached(startAt, states).map((name) => `${where}.${name} is never reached`)
  ]
}

/** What is wrong with a definition as it is deployed, and with what is to be put into it. */
export const definitionFindings = (
  where: string,
  definition: string,
  substitutions: ReadonlyArray<string>
): ReadonlyArray<string> => {
  let machine: unknown
  try {
    machine = JSON.parse(definition)
  } catch {
    return [`${where} is no JSON`]
  }
  const wanted = [...definition.matchAll(/\$\{(\w+)\}/g)].map((match) => match[1] ?? "")
  return [
    ...machineFindings(where, machine),
    ...new Set(
      wanted.filter((name) => !substitutions.includes(name)).map((name) => `${where} is not told what ${name} is`)
    )
  ]
}
