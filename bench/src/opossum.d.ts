/** The part of opossum, which has no types of its own, that is measured. */
declare module "opossum" {
  export interface Options {
    readonly timeout?: number | false
    readonly resetTimeout?: number
    readonly errorThresholdPercentage?: number
    readonly volumeThreshold?: number
    readonly rollingPercentilesEnabled?: boolean
    readonly enableSnapshots?: boolean
  }
  export default class CircuitBreaker<A> {
    constructor(action: () => Promise<A>, options: Options)
    fire(): Promise<A>
    shutdown(): void
  }
}
