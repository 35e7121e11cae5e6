/** Writes down what the deployed functions do with AWS, once each, for the comparison with what they are allowed to do. */
import { appendFileSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { functions } from "../../../src/handlers/Functions.ts"
import { type AwsCall, type UsedAction, usedActions } from "./usedActions.ts"

/** An action of a function. */
export interface RecordedUse extends UsedAction {
  readonly function: string
}

/** The variable with the folder to record into; nothing is recorded without it. */
export const recordingVariable = "AWS_CALLS_FOLDER"

/** Records into a file of its own in a folder. */
export class CallRecorder {
  private readonly file: string
  private readonly known = new Set<string>()

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true })
    this.file = join(folder, `${process.pid}.jsonl`)
  }

  /** Notes what a call needs. Only deployed functions have a role: those that are brought along do not count. */
  record(functionName: string, call: AwsCall): void {
    if (!Object.hasOwn(functions, functionName)) return
    for (const { action, resource } of usedActions(call)) {
      const line = JSON.stringify({ function: functionName, action, resource } satisfies RecordedUse)
      if (this.known.has(line)) continue
      this.known.add(line)
      appendFileSync(this.file, `${line}\n`)
    }
  }
}

/** The recorder that the environment asks for. */
export const recorderFrom = (environment: Readonly<Record<string, string | undefined>>): CallRecorder | undefined => {
  const folder = environment[recordingVariable] ?? ""
  return folder === "" ? undefined : new CallRecorder(folder)
}
