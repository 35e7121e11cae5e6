/** Epoch milliseconds of an instant that another service wrote: NaN for what is none. Some end in an offset and a `Z`. */
export const instantOf = (value: unknown): number => {
  if (typeof value === "number") return value < 1e11 ? value * 1000 : value
  return typeof value === "string" ? Date.parse(value.replace(/([+-]\d{2}:?\d{2})Z$/, "$1")) : Number.NaN
}
