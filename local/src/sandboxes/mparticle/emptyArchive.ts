/** A zip without a file in it, as the results of an export: what an archive begins, and ends, with. */
export const emptyArchive = Buffer.from("504b0506".padEnd(44, "0"), "hex")
