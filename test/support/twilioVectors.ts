/** The contract's own requests (A4.2): bodies as Twilio sends them, and signatures that others computed. */

/** The account's token in all of them. */
export const token = "0123456789abcdef0123456789abcdef"

/** The API's own domain in all of them. */
export const domainName = "a1b2c3d4e5.execute-api.eu-west-2.amazonaws.com"

/** Form bodies by their names in the contract. */
export const bodies = {
  WA: "SmsMessageSid=SM00000000000000000000000000000001&NumMedia=0&ProfileName=Test+User&MessageType=text&SmsSid=SM00000000000000000000000000000001&WaId=447700900001&SmsStatus=received&Body=Hello+there&To=whatsapp%3A%2B447700900100&NumSegments=1&ReferralNumMedia=0&MessageSid=SM00000000000000000000000000000001&AccountSid=AC00000000000000000000000000000001&From=whatsapp%3A%2B447700900001&ApiVersion=2010-04-01",
  SMS: "ToCountry=GB&ToState=&SmsMessageSid=SM00000000000000000000000000000002&NumMedia=0&ToCity=&FromZip=&SmsSid=SM00000000000000000000000000000002&FromState=&SmsStatus=received&FromCity=&Body=SMS+reply&FromCountry=GB&To=%2B447700900200&ToZip=&NumSegments=1&MessageSid=SM00000000000000000000000000000002&AccountSid=AC00000000000000000000000000000001&From=%2B447700900002&ApiVersion=2010-04-01",
  MEDIA:
    "MediaContentType0=image%2Fjpeg&SmsMessageSid=MM00000000000000000000000000000003&NumMedia=1&ProfileName=Test+User&MessageType=image&SmsSid=MM00000000000000000000000000000003&WaId=447700900001&SmsStatus=received&Body=&To=whatsapp%3A%2B447700900100&NumSegments=1&ReferralNumMedia=0&MessageSid=MM00000000000000000000000000000003&AccountSid=AC00000000000000000000000000000001&From=whatsapp%3A%2B447700900001&MediaUrl0=https%3A%2F%2Fapi.twilio.com%2F2010-04-01%2FAccounts%2FAC00000000000000000000000000000001%2FMessages%2FMM00000000000000000000000000000003%2FMedia%2FME00000000000000000000000000000001&ApiVersion=2010-04-01",
  UNI: "MessageSid=SM00000000000000000000000000000004&AccountSid=AC00000000000000000000000000000001&From=whatsapp%3A%2B447700900001&To=whatsapp%3A%2B447700900100&Body=++2%2B2%3D4+%26+50%25+%C2%A35+%E2%80%94+na%C3%AFve+%F0%9F%98%80%0Aline+two++&NumMedia=0",
  ORD: "MessageSid=SM00000000000000000000000000000005&AccountSid=AC00000000000000000000000000000001&From=whatsapp%3A%2B447700900001&To=whatsapp%3A%2B447700900100&Body=hi&aLower=1&Zupper=2&_under=3"
} as const

/** What the contract says is right for body WA, by the vector's name. */
export const signatures = {
  V1: "nAh0fwOPSONNPvgKs2oH/NiJK4U=",
  V2: "xYA0W6e/COAIilH/l52qTMbvzf8=",
  V3: "wQkrJlAhBuGTqMGEo/w3HCAq8vc=",
  V4: "TVN9ggJZzSsd4gDvVBWeyZRJP6M="
} as const

/** Parameters as our check takes them. */
export type Params = ReadonlyMap<string, ReadonlyArray<string>>

/** The parameters of a form body: duplicates kept, any name harmless. */
export const paramsOf = (body: string): Params => {
  const params = new Map<string, Array<string>>()
  for (const [name, value] of new URLSearchParams(body)) {
    const values = params.get(name)
    if (values === undefined) params.set(name, [value])
    else values.push(value)
  }
  return params
}

/** The same as Twilio's library takes them: an array only where a name has several values. */
export const twilioParams = (params: Params): Record<string, string | ReadonlyArray<string>> => {
  const record: Record<string, string | ReadonlyArray<string>> = Object.create(null)
  for (const [name, values] of params) {
    const [first] = values
    record[name] = values.length === 1 && first !== undefined ? first : values
  }
  return record
}
