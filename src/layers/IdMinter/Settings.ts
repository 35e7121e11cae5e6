/** The settings of the id minter's functions, by the names that its originals gave them (contract Decision 11). */
import * as Config from "effect/Config"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import { invalid, isSafeUrl, url } from "../Setting.ts"

/** A text that is more than spaces. */
const name = (setting: string): Config.Config<string> =>
  Config.string(setting).pipe(
    Config.mapOrFail((text) => (text.trim() === "" ? invalid("must not be empty") : Either.right(text.trim())))
  )

const whole = (setting: string, min: number, max: number): Config.Config<number> =>
  Config.string(setting).pipe(
    Config.mapOrFail((text) => {
      const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN
      return value >= min && value <= max
        ? Either.right(value)
        : invalid(`must be a whole number from ${min} to ${max}`)
    })
  )

const oneOf = <Values extends ReadonlyArray<string>>(
  setting: string,
  ...values: Values
): Config.Config<Values[number]> =>
  Config.string(setting).pipe(
    Config.mapOrFail((text) => {
      const value = values.find((one) => one === text.trim().toLowerCase())
      return value === undefined ? invalid(`must be ${values.join(" or ")}`) : Either.right(value)
    })
  )

const port = (setting: string): Config.Config<number> => whole(setting, 1, 65_535)

/** How the functions log in: with a secret that may be exchanged, or with what never changes. */
export type LoginSetting =
  | { readonly _tag: "Secret"; readonly secretName: string; readonly username: Option.Option<string> }
  | { readonly _tag: "Fixed"; readonly username: string; readonly password: Redacted.Redacted }

const login: Config.Config<LoginSetting> = Config.all({
  secretName: name("db_secret_name"),
  username: Config.option(name("db_username"))
}).pipe(
  Config.map((secret): LoginSetting => ({ _tag: "Secret", ...secret })),
  Config.orElse(() =>
    Config.all({ username: name("db_username"), password: Config.redacted("db_password") }).pipe(
      Config.map((fixed): LoginSetting => ({ _tag: "Fixed", ...fixed }))
    )
  )
)

/** Where the identifiers are. */
export const database = Config.all({
  host: name("cluster_url"),
  /** A copy that may lag behind, asked first where there is one. */
  replicaHost: Config.option(name("cluster_url_readonly")),
  port: port("db_port").pipe(Config.withDefault(3_306)),
  login,
  /** Connections of one environment to each of the two; one is enough. */
  maxConnections: whole("max_connections", 1, 1_000).pipe(Config.withDefault(8))
})

/** What is done about a pool that runs short: it is filled up at once, or the request fails. */
export type OnPoolExhausted = "top-up" | "fail"

/** What is done about a pool that runs short. */
export const onPoolExhausted: Config.Config<OnPoolExhausted> = oneOf("ON_POOL_EXHAUSTED", "top-up", "fail").pipe(
  Config.withDefault("top-up" as const)
)

/** How many ids are to be free after a scheduled top-up. */
export const desiredFreeIds: Config.Config<number> = whole("ID_GENERATOR_DESIRED_FREE_IDS_COUNT", 1, 10_000_000).pipe(
  Config.withDefault(100_000)
)

/** One of the two clusters. */
export interface ClusterSetting {
  /** `https://host:port`; http for loopback hosts only. */
  readonly baseUrl: string
  readonly apiKey: Option.Option<Redacted.Redacted>
  readonly user: Option.Option<{ readonly name: string; readonly password: Redacted.Redacted }>
  readonly index: string
}

/** A host's name or address, and nothing else: of a URL, a part would be taken for the host and the rest be lost. */
const host = (setting: string): Config.Config<string> =>
  Config.string(setting).pipe(
    Config.mapOrFail((text) => {
      const isHost = /^(?:[\w.-]+|\[[\da-f:.]+\])$/i.test(text.trim()) && URL.canParse(`https://${text.trim()}`)
      return isHost ? Either.right(text.trim()) : invalid("must be a host's name, without protocol or port")
    })
  )

const baseUrl = (prefix: string): Config.Config<string> =>
  Config.all({
    host: host(`${prefix}_host`),
    port: port(`${prefix}_port`).pipe(Config.withDefault(9_200)),
    protocol: oneOf(`${prefix}_protocol`, "https", "http").pipe(Config.withDefault("https" as const))
  }).pipe(
    Config.mapOrFail(({ host, port, protocol }) => {
      const parsed = new URL(`${protocol}://${host}:${port}`)
      return isSafeUrl(parsed)
        ? Either.right(parsed.origin)
        : invalid("must be https, save for this machine", `${prefix}_protocol`)
    })
  )

/** Both or neither: with one of the two alone no call would be let in. */
const user = (prefix: string): Config.Config<ClusterSetting["user"]> => {
  const [first, second] = [`${prefix}_username`, `${prefix}_password`]
  return Config.all({ name: Config.option(name(first)), password: Config.option(Config.redacted(second)) }).pipe(
    Config.mapOrFail((both) => {
      if (Option.isNone(both.name) !== Option.isNone(both.password)) {
        return invalid(`must be set together with ${second}`, first)
      }
      return Either.right(Option.all(both))
    })
  )
}

/** Where works come from, and where they go. */
export const clusters: Config.Config<{ readonly source: ClusterSetting; readonly target: ClusterSetting }> = Config.all(
  {
    source: Config.all({
      baseUrl: baseUrl("es_upstream"),
      // The originals read it by the second name.
      apiKey: Config.option(
        Config.redacted("es_upstream_apikey").pipe(Config.orElse(() => Config.redacted("es_apikey")))
      ),
      user: Config.succeed(Option.none()),
      index: name("es_source_index")
    }),
    target: Config.all({
      baseUrl: baseUrl("es_downstream"),
      apiKey: Config.option(Config.redacted("es_downstream_apikey")),
      user: user("es_downstream"),
      index: name("es_identified_index")
    })
  }
)

/** Who is told of a work that is in the target index. */
export type DownstreamSetting =
  | { readonly _tag: "sqs"; readonly queueUrl: string }
  | { readonly _tag: "stdio" }
  | { readonly _tag: "none" }

const kind = Config.string("use_downstream").pipe(
  Config.mapOrFail((text) => {
    const kind = text.trim().toLowerCase()
    if (kind === "sqs" || kind === "stdio" || kind === "none") return Either.right<DownstreamSetting["_tag"]>(kind)
    const wanted = "must be sqs, stdio or none"
    return invalid(kind === "sns" ? `${wanted}: there is no topic any more, subscribe to the queue` : wanted)
  }),
  Config.withDefault("sqs" as const)
)

/** Who is told of a work that is in the target index; a queue, unless it says otherwise. */
export const downstream: Config.Config<DownstreamSetting> = Config.all({
  kind,
  queueUrl: Config.option(url("downstream_queue_url"))
}).pipe(
  Config.mapOrFail(({ kind, queueUrl }) => {
    if (kind !== "sqs") return Either.right<DownstreamSetting>({ _tag: kind })
    return Option.match(queueUrl, {
      onNone: () => invalid("must be set where use_downstream is sqs", "downstream_queue_url"),
      onSome: (queueUrl) => Either.right<DownstreamSetting>({ _tag: "sqs", queueUrl })
    })
  })
)

/** CloudWatch namespace of the functions' metrics. */
export const metricsNamespace: Config.Config<string> = name("metrics_namespace").pipe(Config.withDefault("id_minter"))
