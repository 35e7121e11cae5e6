/** Crash points of the archive: what is done, and what must hold afterwards. */
import { archiveOf, archives, clients, expectWhole } from "../archive.ts"
import type { Attempt, Operation } from "../crashPoints.ts"
import { expect, expectSame } from "../Row.ts"
import { eventually, type World } from "../World.ts"

/** The archive's. */
export const dexOperations = (world: World): ReadonlyArray<Operation> => {
  const archive = archiveOf(world)
  const run = async (): Promise<Attempt> => {
    const date = archive.day()
    return {
      begin: () => archive.run({ triggerDate: date }),
      settle: async () => {
        await archive.whole(date)
        await expectWhole(archive, date)
      }
    }
  }
  const rerun = async (): Promise<Attempt> => {
    const date = archive.day()
    await archive.whole(date)
    return {
      begin: () => archive.run({ triggerDate: date }),
      settle: async () => {
        await archive.whole(date)
        await expectWhole(archive, date)
      }
    }
  }
  const date = archive.day()
  const verify = async (): Promise<Attempt> => {
    await archive.whole(date)
    const look = () => world.invoke(archives.verify, { triggerDate: date })
    return {
      begin: look,
      settle: async () => {
        const { body } = await eventually(async () => {
          const answer = await look()
          expect(answer.functionError === undefined, JSON.stringify(answer.body))
          return answer
        })
        expectSame([body["checked"], body["missing"], body["altered"]], [clients.length, [], []], "what it found")
      }
    }
  }
  return [
    { service: "DexArchive", name: "a day", function: archives.run, prepare: run },
    { service: "DexArchive", name: "a day that is there", function: archives.run, prepare: rerun },
    { service: "DexArchive", name: "verification", function: archives.verify, prepare: verify }
  ]
}
