/** Stands in for `@aws-sdk/endpoint-cache`: endpoint discovery is off unless a setting that we never set turns it on. */
export class EndpointCache {
  getEndpoint(): never {
    throw new Error("the bundles are built without AWS endpoint discovery")
  }
}
