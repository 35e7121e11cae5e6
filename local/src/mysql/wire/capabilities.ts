/** What client and server agree on when they meet. */
export const capability = {
  longPassword: 0x1,
  foundRows: 0x2,
  longFlag: 0x4,
  connectWithDb: 0x8,
  compress: 0x20,
  protocol41: 0x200,
  tls: 0x800,
  transactions: 0x2000,
  secureConnection: 0x8000,
  multiResults: 0x2_0000,
  preparedMultiResults: 0x4_0000,
  pluginAuth: 0x8_0000,
  connectAttributes: 0x10_0000,
  lengthEncodedAuth: 0x20_0000,
  zstd: 0x400_0000,
  queryAttributes: 0x800_0000
} as const

/** Some capabilities as one number. */
export const capabilities = (...names: ReadonlyArray<keyof typeof capability>): number =>
  names.reduce((all, name) => all + capability[name], 0)
