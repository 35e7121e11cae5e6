/** The table of faults and the crash points: the services side by side, each one's rows and operations one after the other. */
import { join } from "node:path"
import { startPlatform } from "../Platform.ts"
import { archiveOf, clients } from "./archive.ts"
import { crash, type CrashOutcome, type Operation } from "./crashPoints.ts"
import { conversations, customersOf } from "./customers.ts"
import { dexOperations } from "./operations/dex.ts"
import { minterOperations } from "./operations/minter.ts"
import { deletionOperations, privacyOperations } from "./operations/privacy.ts"
import { stagingOperations, sweeperOperations } from "./operations/staging.ts"
import { type Outcome, type Row, runRows } from "./Row.ts"
import { batonRows } from "./rows/baton.ts"
import { breakerRows } from "./rows/breaker.ts"
import { callbackRows } from "./rows/callbacks.ts"
import { dexRows } from "./rows/dex.ts"
import { minterRows } from "./rows/minter.ts"
import { deletionRows, fallbackRows } from "./rows/queues.ts"
import { stagingRows } from "./rows/staging.ts"
import { campaignSettings, visibilitySeconds } from "./settings.ts"
import { laneOf, type World, worldOf } from "./World.ts"

/** Everything that came of it. */
export interface Campaign {
  readonly rows: ReadonlyArray<Outcome>
  readonly crashes: ReadonlyArray<CrashOutcome>
}

/** Runs it on a platform of its own, and says of each thing what came of it. */
export const runCampaign = async (folder: string, print: (text: string) => void): Promise<Campaign> => {
  const rows: Array<Outcome> = []
  const crashes: Array<CrashOutcome> = []
  await using platform = await startPlatform({
    port: 0,
    environment: { ...campaignSettings, MYSQL_URL: process.env["MYSQL_URL"] },
    folder: join(folder, "table"),
    mparticleRateLimit: 0,
    visibilitySeconds
  })
  using world = worldOf(platform)
  using customers = customersOf(world)
  await world.sandbox("PUT", "twilio/conversations", conversations())
  await archiveOf(world).clients(clients)

  const tried = async (service: string, of: (lane: World) => ReadonlyArray<Row>): Promise<void> => {
    const lane = laneOf(world)
    await runRows(service, of(lane), lane, (outcome) => {
      rows.push(outcome)
      print(`  ${outcome.isRight ? "✓" : "✗"} ${service}: ${outcome.fault} → ${outcome.seen}`)
    })
  }
  // What is still waited for takes minutes, and nobody has to be still for it.
  const late: Array<Promise<void>> = []
  const crashed = async (operations: ReadonlyArray<Operation>): Promise<void> => {
    for (const operation of operations) {
      const { promise, resolve } = Promise.withResolvers<void>()
      late.push(
        crash(world, operation, resolve).then((outcome) => {
          crashes.push(outcome)
          const { calls, kills, name, service, wrong } = outcome
          print(`  ${wrong.length === 0 ? "✓" : "✗"} ${service}, ${name}: ${calls} calls, killed ${kills} times`)
          for (const text of wrong) print(`      ${text}`)
        })
      )
      await promise
    }
  }

  const privacy = async (): Promise<void> => {
    const initiated = tried("Baton", batonRows)
      .then(() => tried("MParticle", fallbackRows))
      .then(() => crashed(privacyOperations(world, "baton")))
    // The reconciliation looks at every open request, of which there are few at first.
    const reconciled = crashed(privacyOperations(world, "reconcile")).then(() => tried("MParticle", callbackRows))
    await Promise.all([
      // It sends what the queue's function is to be the first to send, and needs requests that Baton's has only claimed.
      Promise.all([initiated, reconciled]).then(() => crashed(privacyOperations(world, "retry"))),
      reconciled.then(() => crashed(privacyOperations(world, "http"))),
      tried("MParticle", deletionRows).then(() => crashed(deletionOperations(world)))
    ])
    // Its rows concern every request to mParticle.
    await tried("Baton", breakerRows)
  }
  const staging = async (): Promise<void> => {
    // Whoever dies hides what it holds for a minute, so these come first.
    await crashed(sweeperOperations(world, customers))
    await tried("Staging", (lane) => stagingRows(lane, customers))
    await crashed(stagingOperations(world, customers))
  }
  const minting = async (): Promise<void> => {
    await tried("IdMinter", minterRows)
    await Promise.all([crashed(minterOperations(world, "workflow")), crashed(minterOperations(world, "queue"))])
  }
  await Promise.all([
    privacy(),
    staging(),
    minting(),
    tried("DexArchive", dexRows).then(() => crashed(dexOperations(world)))
  ])
  await Promise.all(late)
  return { rows, crashes }
}
