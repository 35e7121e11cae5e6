/** Stands in for `iconv-lite`: Node.js itself knows the only encoding that our connections have, UTF-8. */
const refuse = (encoding: string): never => {
  throw new Error(`the bundles are built without the encoding ${encoding}`)
}

export const getDecoder = refuse

export const getEncoder = refuse
