/** Works as the source index has them, for whoever wants some minted. */

/** What a work is called there. */
export const workId = (value: string): string => `Work[sierra-system-number/${value}]`

const source = (type: string, system: string, value: string): object => ({
  sourceIdentifier: { identifierType: { id: system }, ontologyType: type, value }
})

/** A work with an item, each of which needs an id of its own. */
export const sampleWork = (value: string): object => ({
  _id: workId(value),
  _source: {
    version: 1,
    type: "Visible",
    data: { title: value, items: [{ id: { ...source("Item", "sierra-item-number", value), type: "Identifiable" } }] },
    state: { ...source("Work", "sierra-system-number", value), sourceModifiedTime: "2026-01-01T00:00:00Z" }
  }
})
