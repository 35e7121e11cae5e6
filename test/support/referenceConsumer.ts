/** The consumer of the channel queues, which the platform's own campaigns use as well. */
export { type ReferenceConsumer, referenceConsumer } from "../../local/src/sandboxes/twilio/referenceConsumer.ts"
