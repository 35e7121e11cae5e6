/** Stands in for `@smithy/core/event-streams`: no operation that we call answers with an event stream. */
const refuse = (): never => {
  throw new Error("the bundles are built without AWS event streams")
}

export const eventStreamSerdeProvider = refuse

export const EventStreamSerde = refuse

export const resolveEventStreamSerdeConfig = <Config>(config: Config): Config => config
