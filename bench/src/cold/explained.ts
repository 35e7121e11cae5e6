/**
 * The functions that start later than their peers: up to which ratio that is explained, and where. What is over that is
 * new, and is not explained by anything.
 */
interface Explanation {
  readonly upTo: number
  readonly by: string
}

const byEffect = (upTo: number): Explanation => ({ upTo, by: "docs/adr/0013" })

/** By function. */
export const explained: Readonly<Record<string, Explanation>> = {
  "mparticle-api-lambda": byEffect(1.6),
  "mparticle-api-http": byEffect(1.6),
  "mparticle-api-retry": byEffect(1.6),
  "mparticle-api-reconcile": byEffect(1.6),
  "mparticle-api-deletion": byEffect(1.45),
  staging: byEffect(1.35),
  "staging-sweeper": byEffect(1.35),
  "id-minter-stepfunction": byEffect(1.45),
  "id-minter-sqs": byEffect(1.45),
  "id-minter-pool": byEffect(1.45),
  "id-minter-migrate": byEffect(1.45),
  "dex-trigger-response-archive": byEffect(1.45),
  "dex-archive-verify": byEffect(1.45)
}
