/**
 * Ends a worker whose run has ended without it. Otherwise it would report for ever, to a channel that is closed, that it
 * cannot report, and take a processor for that. It is loaded once in a worker.
 */
process.once("disconnect", () => process.exit())
