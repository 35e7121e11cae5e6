/** How much the tests do that try many cases: less in `npm test` than in `npm run campaign`, which has minutes for them. */
const isCampaign = process.env["CAMPAIGN"] !== undefined

/** The first number in `npm test`, and the second in the campaign. */
export const depth = (inTests: number, inCampaign: number): number => (isCampaign ? inCampaign : inTests)
