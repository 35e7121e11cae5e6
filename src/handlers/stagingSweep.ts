/** `staging-sweeper`: finishes what Staging could not. */
import * as Schema from "effect/Schema"
import * as Lambda from "./Lambda.ts"
import { sweeperLayer, warmUp } from "./StagingLayer.ts"
import { handle } from "./StagingSweeper.ts"

const lambda = await Lambda.start({ layer: sweeperLayer, warmUp, namespace: "Staging" })

/** Answers the schedule. */
export const handler = lambda.handler({ event: Schema.Unknown, handle })
