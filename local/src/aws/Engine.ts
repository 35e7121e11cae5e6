/** What every engine of the platform is: an address, and a way to stop it. */
export interface Engine extends AsyncDisposable {
  readonly url: string
}

/** The address of an engine that somebody else runs, from the setting `name`. Throws when it is no http(s) URL. */
export const givenUrl = (name: string, value: string): string => {
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
    throw new Error(`${name} must be an http or https URL, for example http://127.0.0.1:8000`)
  }
  return value.replace(/\/+$/, "")
}

/** An engine that somebody else runs: there is nothing to stop. */
export const givenEngine = (name: string, value: string): Engine => ({
  url: givenUrl(name, value),
  [Symbol.asyncDispose]: async () => {}
})

/** Where each AWS service is. */
export interface AwsEndpoints {
  readonly dynamodb: string
  readonly sqs: string
  readonly s3: string
  readonly secretsmanager: string
  readonly ssm: string
}

export type AwsService = keyof AwsEndpoints
