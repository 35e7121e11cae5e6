/** The account and the region that everything on the local platform belongs to. */
export const region = "eu-west-1"
export const account = "000000000000"
