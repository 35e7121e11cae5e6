/** A request that a sandbox's own route cannot follow; the message says why. */
export class SandboxRefusal extends Error {
  override readonly name = "SandboxRefusal"
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}
