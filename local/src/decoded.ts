/** A part of a path as it was meant; text with a malformed escape stays as it is, and so names nothing that there is. */
export const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
