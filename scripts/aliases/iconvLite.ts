/**
 * Stands in for `iconv-lite`, whose tables are half a megabyte: Node.js knows all but two of the code pages that SQL Server
 * stores texts in, and MySQL's connections speak UTF-8. `cesu8` is what its driver calls the UTF-8 of old servers'
 * greetings, which is the same for all that they say.
 */

const labels: Readonly<Record<string, string>> = {
  CESU8: "utf-8",
  UTF8: "utf-8",
  "UTF-8": "utf-8",
  UCS2: "utf-16le",
  "UTF-16LE": "utf-16le",
  CP874: "windows-874",
  CP932: "shift_jis",
  CP936: "gbk",
  CP949: "euc-kr",
  CP950: "big5",
  CP1250: "windows-1250",
  CP1251: "windows-1251",
  CP1252: "windows-1252",
  CP1253: "windows-1253",
  CP1254: "windows-1254",
  CP1255: "windows-1255",
  CP1256: "windows-1256",
  CP1257: "windows-1257",
  CP1258: "windows-1258"
}

/** The upper half of those that the web has no use for. */
const tables: Readonly<Record<string, string>> = {
  CP437:
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0",
  CP850:
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00ad±‗¾¶§÷¸°¨·¹³²■\u00a0"
}

const refuse = (encoding: string): never => {
  throw new Error(`the bundles are built without the encoding ${encoding}`)
}

const byTable = (bytes: Uint8Array, table: string): string =>
  Array.from(bytes, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : table.charAt(byte - 0x80))).join("")

export const decode = (bytes: Uint8Array, encoding: string): string => {
  const name = encoding.toUpperCase()
  const table = tables[name]
  if (table !== undefined) return byTable(bytes, table)
  return new TextDecoder(labels[name] ?? refuse(encoding), { ignoreBOM: true }).decode(bytes)
}

/** Texts are sent as Unicode. */
export const encode = (text: string, encoding: string): Buffer => {
  const label = labels[encoding.toUpperCase()] ?? refuse(encoding)
  return label === "utf-8" || label === "utf-16le" ? Buffer.from(text, label) : refuse(encoding)
}

export const getDecoder = (encoding: string) => ({
  write: (bytes: Uint8Array) => decode(bytes, encoding),
  end: () => undefined
})

export const getEncoder = (encoding: string) => ({
  write: (text: string) => encode(text, encoding),
  end: () => undefined
})

export default { decode, encode, getDecoder, getEncoder }
