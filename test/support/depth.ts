/** How many cases the longest tests try. */
const isCampaign = process.env["CAMPAIGN"] !== undefined

/** The first number in `npm run test:long`, and the second in `npm run campaign`. */
export const depth = (inLongTests: number, inCampaign: number): number => (isCampaign ? inCampaign : inLongTests)
