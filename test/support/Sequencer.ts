/**
 * In which order test files start. Those that wait most of their time, for queues, outages and processes, come first: then
 * the others use the processor meanwhile, and nothing is left to wait for at the end.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** What a file's name tells about how long it waits; the first that fits counts. */
const patience: ReadonlyArray<readonly [name: RegExp, rank: number]> = [
  [/test\/platform\/(?:nothingLost|deletion|stagingNothingLost|minter|staging)\.test\.ts$/, 0],
  [/test\/platform\//, 1],
  [/test\/(?:handlers\/Staging\/hanging|layers\/Staging\/Protocol\.model)\.test\.ts$/, 1],
  [/test\/(?:local|layers\/IdMinter|layers\/Sql)\//, 2]
]

const rankOf = ({ moduleId }: TestSpecification): number => patience.find(([name]) => name.test(moduleId))?.[1] ?? 3

/** The longest waits first, and among equals what vitest knows of them. */
export default class Sequencer extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const known = await super.sort.call(this, files)
    return known.toSorted((one, other) => rankOf(one) - rankOf(other))
  }
}
