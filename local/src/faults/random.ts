/** Random choices that a seed repeats. */

/** A source of choices. */
export interface Random {
  /** A whole number from 0 up to, and without, the limit. */
  readonly below: (limit: number) => number
  readonly between: (least: number, most: number) => number
  readonly pick: <A>(list: ReadonlyArray<A>) => A
  /** Whether something happens that happens so often in a hundred times. */
  readonly percent: (chance: number) => boolean
}

const increment = 0x6d2b79f5

/** The choices of a seed: mulberry32, which is small and even enough for a nemesis. */
export const randomOf = (seed: number): Random => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + increment) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    below,
    between: (least, most) => least + below(most - least + 1),
    pick: (list) => {
      const chosen = list[below(list.length)]
      if (chosen === undefined) throw new Error("there is nothing to choose from")
      return chosen
    },
    percent: (chance) => below(100) < chance
  }
}
