/** The states of a definition, those inside of others included. */
import type { StateMachineDefinition } from "aws-local-stepfunctions"

type Machine = Pick<StateMachineDefinition, "States">
type State = StateMachineDefinition["States"][string]

const inside = (state: State): ReadonlyArray<Machine> => {
  if (state.Type === "Parallel") return state.Branches
  if (state.Type !== "Map") return []
  return [state.ItemProcessor, state.Iterator].filter((machine) => machine !== undefined)
}

/** Every state with its name, which is unique in the whole definition. */
export const statesOf = (machine: Machine): ReadonlyArray<readonly [name: string, state: State]> =>
  Object.entries(machine.States).flatMap(([name, state]) => [
    [name, state] as const,
    ...inside(state).flatMap(statesOf)
  ])
