/** The functions that start later than their peers, up to which ratio, and where it is said why. */
export const explained: Readonly<Record<string, { readonly upTo: number; readonly by: string }>> = {}
