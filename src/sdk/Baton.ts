/**
 * The Baton SDK: files privacy requests of persons at mParticle and follows them to their end, by invoking
 * `mparticle-api-lambda`. `BatonClient` is for Effect users, `promiseClient` for everybody else.
 */
export {
  BatonClient,
  type BatonClientOptions,
  type BatonClientShape,
  completionSchedule,
  type InitiateInput,
  layer,
  make,
  retrySchedule
} from "./Baton/Client.ts"
export * from "./Baton/Errors.ts"
export { type AwaitOptions, type BatonPromiseClient, type CallOptions, promiseClient } from "./Baton/promises.ts"
export type { InitiateSuccess, StatusSuccess } from "../schemas/Baton.ts"
