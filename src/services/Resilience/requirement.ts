/** Refuses a number that makes no sense as an option: a mistake in code, so it throws where the option is written. */
export const requireNumber = (
  name: string,
  value: number,
  rule: { readonly min: number; readonly max?: number; readonly whole?: boolean }
): void => {
  const inRange = value >= rule.min && value <= (rule.max ?? Number.POSITIVE_INFINITY)
  if (inRange && (rule.whole !== true || Number.isSafeInteger(value))) return
  const kind = rule.whole === true ? "a whole number" : "a number"
  const range = rule.max === undefined ? `of at least ${rule.min}` : `from ${rule.min} to ${rule.max}`
  throw new RangeError(`${name} must be ${kind} ${range}, not ${value}`)
}
