/** The ARN of a function, with the qualifier it was called by. */
import { account, region } from "../aws/identity.ts"

/** Writes the ARN as Lambda does. */
export const functionArn = (name: string, qualifier?: string): string =>
  `arn:aws:lambda:${region}:${account}:function:${name}${qualifier === undefined ? "" : `:${qualifier}`}`
