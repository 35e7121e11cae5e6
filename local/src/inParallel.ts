/** The results of `work` for all items in their order, with at most `concurrency` under way at a time. */
export const inParallel = async <A, B>(
  items: ReadonlyArray<A>,
  concurrency: number,
  work: (item: A, at: number) => Promise<B>
): Promise<ReadonlyArray<B>> => {
  const results: Array<[at: number, result: B]> = []
  const waiting = items.entries()
  const worker = async (): Promise<void> => {
    for (const [at, item] of waiting) results.push([at, await work(item, at)])
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker))
  return results.toSorted(([one], [other]) => one - other).map(([, result]) => result)
}
