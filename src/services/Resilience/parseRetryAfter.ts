/** The longest that is believed, in milliseconds: one day. */
export const longestRetryAfterMillis = 86_400_000

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
const month = months.join("|")
const time = "(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)"

/** The three forms of RFC 9110 section 5.6.7. `Date.parse` would take far more, and the last one as local time. */
const forms = [
  new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?<day>\\d\\d) (?<month>${month}) (?<year>\\d{4}) ${time} GMT$`),
  new RegExp(
    `^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\\d\\d)-(?<month>${month})-(?<year>\\d\\d) ${time} GMT$`
  ),
  new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?<month>${month}) (?<day>[ \\d]\\d) ${time} (?<year>\\d{4})$`)
]

/** A year of two digits that lies more than 50 years ahead is the last one that ended so. */
const fullYear = (year: number, nowMillis: number): number => {
  const current = new Date(nowMillis).getUTCFullYear()
  const guess = current - (current % 100) + year
  return guess > current + 50 ? guess - 100 : guess
}

const parseDate = (text: string, nowMillis: number): number | undefined => {
  const parts = forms.map((form) => form.exec(text)?.groups).find((groups) => groups !== undefined)
  if (parts === undefined) return undefined
  const number = (name: string): number => Number(parts[name])
  const [day, hour, minute, second] = ["day", "hour", "minute", "second"].map(number) as [
    number,
    number,
    number,
    number
  ]
  const year = parts["year"]?.length === 2 ? fullYear(number("year"), nowMillis) : number("year")
  const monthIndex = months.indexOf(parts["month"] ?? "")
  const date = new Date(Date.UTC(year, monthIndex, day))
  const exists = date.getUTCMonth() === monthIndex && day > 0 && hour < 24 && minute < 60 && second <= 60
  return exists ? date.getTime() + ((hour * 60 + minute) * 60 + second) * 1_000 : undefined
}

/**
 * The milliseconds that a `Retry-After` header asks to wait, from 0 to one day: a number of seconds or an HTTP date.
 * Undefined for what is neither.
 */
export const parseRetryAfter = (headerValue: string | undefined, nowMillis: number): number | undefined => {
  const text = headerValue?.trim() ?? ""
  const millis = /^\d+$/.test(text) ? Number(text) * 1_000 : (parseDate(text, nowMillis) ?? Number.NaN) - nowMillis
  return Number.isNaN(millis) ? undefined : Math.min(Math.max(0, millis), longestRetryAfterMillis)
}
