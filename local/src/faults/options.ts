/** The settings of `npm run faults`, from its environment. */

/** What a run can be told. */
export interface FaultSettings {
  /** The nemesis's choices follow from it. */
  readonly seed: number
  readonly nemesisSeconds: number
  /** Where logs and the history are kept; without it they are gone at the end. */
  readonly keep: string | undefined
}

const defaultSeconds = 75

const natural = (name: string, text: string, otherwise: number): number => {
  const value = text === "" ? otherwise : Number(text)
  if (!Number.isInteger(value) || value < 0) throw new Error(`${name} must be a whole number`)
  return value
}

/** FAULTS_SEED (one of the clock's when left out), FAULTS_SECONDS (75) and FAULTS_FOLDER (kept; none = gone at the end). */
export const settingsOf = (environment: Readonly<Record<string, string | undefined>>): FaultSettings => {
  const { FAULTS_FOLDER: folder = "", FAULTS_SECONDS: seconds = "", FAULTS_SEED: seed = "" } = environment
  return {
    seed: natural("FAULTS_SEED", seed, Date.now() % 1_000_000),
    nemesisSeconds: natural("FAULTS_SECONDS", seconds, defaultSeconds),
    keep: folder === "" ? undefined : folder
  }
}
