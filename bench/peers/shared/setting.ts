/** A setting that must be there. */
export const setting = (name: string): string => {
  const value = process.env[name]
  if (value === undefined || value === "") throw new Error(`${name} is missing`)
  return value
}
