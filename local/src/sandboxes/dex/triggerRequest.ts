/** `GET /data-exchange/trigger`: what was triggered for a client on a day. */
import type { Answer } from "../serveHttp.ts"
import { refusal, textAnswer } from "./answers.ts"
import type { Responses } from "./Responses.ts"

const isDay = (text: string): boolean => {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)
}

/** The answer to a request whose token is valid. */
export const triggerAnswer = (query: string, responses: Responses): Answer => {
  const parameters = new URLSearchParams(query)
  const [clientId = "", secondId] = parameters.getAll("clientId")
  const [date = "", secondDate] = parameters.getAll("triggerDate")
  if (!/^\d+$/.test(clientId) || secondId !== undefined) {
    return refusal(400, "invalid_request", "clientId must be there once, as digits")
  }
  if (!isDay(date) || secondDate !== undefined) {
    return refusal(400, "invalid_request", "triggerDate must be there once, as YYYY-MM-DD")
  }
  const response = responses.find(clientId, date)
  return response === undefined
    ? refusal(404, "not_found", `There is no client ${clientId}`)
    : textAnswer(200, response)
}
