/** The day that a run is about: one of the calendar of a time zone, not of UTC (contract Decision 2). */
import { TriggerDate } from "../../schemas/DexArchive.ts"

const dayMillis = 86_400_000

const iso = (millis: number): TriggerDate => TriggerDate.make(new Date(millis).toISOString().slice(0, 10))

/** The day in a zone at a moment, and so many days of the calendar after it. A day of the calendar is not always 24 hours. */
export const dateIn = (nowMillis: number, timeZone: string, offsetDays: number): TriggerDate => {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "gregory",
    numberingSystem: "latn",
    year: "numeric",
    month: "numeric",
    day: "numeric"
  }).formatToParts(nowMillis)
  const part = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.find((one) => one.type === type)?.value)
  return iso(Date.UTC(part("year"), part("month") - 1, part("day") + offsetDays))
}

/** Whether a name is one of a time zone. */
export const isTimeZone = (name: string): boolean => {
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: name }).resolvedOptions().timeZone !== ""
  } catch {
    return false
  }
}

/** The day after a day. */
export const next = (date: TriggerDate): TriggerDate => iso(Date.parse(`${date}T00:00:00Z`) + dayMillis)

/** All days from one to another, both among them: one at a time, as a range may have millions. */
export const between = function* (from: TriggerDate, to: TriggerDate): Generator<TriggerDate, void> {
  // No day is asked for its next one that need not have any: after 9999-12-31 there is none.
  for (let day = from; day < to; day = next(day)) yield day
  if (from <= to) yield to
}
