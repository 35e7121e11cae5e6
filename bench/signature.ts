/**
 * What it costs to tell whether Twilio sent a message: our check against the validator of Twilio's own library, over
 * the parameters and the URL of an ordinary WhatsApp message. Each is given the parameters in the form that it takes.
 */
import { validateRequest } from "twilio/lib/webhooks/webhooks.js"
import { verify } from "../src/layers/Staging/TwilioSignature.ts"
import { bodies, domainName, paramsOf, signatures, token, twilioParams } from "../test/support/twilioVectors.ts"
import { conclude, type Contender, measure, printTable, show, time } from "./src/measure.ts"
import { estimate, type Estimate } from "./src/statistics.ts"

const validBudget = 1
const invalidBudget = 0.5

const url = `https://${domainName}/dev/whatsapp`
const urls = [url]
const params = paramsOf(bodies.WA)
const record = twilioParams(params)

/** Something that tells a signature as it should, measured over and over. */
const contender = (name: string, expected: boolean, check: () => boolean): Contender => ({
  name,
  run: async (times) => {
    for (let left = times; left > 0; left -= 1) {
      if (check() !== expected) throw new Error(`${name}: the wrong verdict`)
    }
  }
})

const cases = [
  { name: "valid", signature: signatures.V1, expected: true, budget: validBudget },
  { name: "invalid", signature: signatures.V3, expected: false, budget: invalidBudget },
  { name: "not well-formed", signature: signatures.V1.slice(0, -1), expected: false, budget: invalidBudget }
]
const theirs = (name: string): string => `twilio, ${name}`
const ours = (name: string): string => `ours, ${name}`

const samples = await measure(
  cases.flatMap(({ expected, name, signature }) => [
    contender(theirs(name), expected, () => validateRequest(token, signature, url, record)),
    contender(ours(name), expected, () => verify({ token, signature, urls, params }))
  ]),
  { rounds: 101, runMillis: 20 }
)

/** What share of their time ours takes, round by round. */
const ratioOf = (name: string): Estimate => {
  const base = samples[theirs(name)] ?? []
  return estimate((samples[ours(name)] ?? []).map((value, round) => value / (base[round] ?? Number.NaN)))
}

printTable([
  ["nanoseconds per signature, median [95 %]", "twilio", "ours", "ours over twilio"],
  ...cases.map(({ name }) => [
    name,
    show(time(samples, theirs(name))),
    show(time(samples, ours(name))),
    show(ratioOf(name), 3)
  ])
])
conclude(
  "signature",
  samples,
  cases.map(({ budget, name }) => ({
    text: `${name}: ${show(ratioOf(name), 3)} of the time of twilio's validator, at most ${budget.toFixed(1)}`,
    met: ratioOf(name).value <= budget
  }))
)
