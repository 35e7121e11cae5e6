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
  "mparticle-api-lambda": byEffect(1.5),
  "mparticle-api-http": byEffect(1.56),
  "mparticle-api-retry": byEffect(1.5),
  "mparticle-api-reconcile": byEffect(1.52),
  "mparticle-api-deletion": byEffect(1.41),
  staging: byEffect(1.29),
  "staging-sweeper": byEffect(1.34),
  "id-minter-stepfunction": byEffect(1.39),
  "id-minter-sqs": byEffect(1.4),
  "id-minter-pool": byEffect(1.34),
  "id-minter-migrate": byEffect(1.34),
  "dex-trigger-response-archive": byEffect(1.37),
  "dex-archive-verify": byEffect(1.37)
}
