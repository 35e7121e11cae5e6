/** DexArchive: its functions in the database's network, its bucket and its schedule. */
import type { Construct } from "constructs"
import { ServiceStack, type StackOptions } from "./ServiceStack.ts"

/** The stack of DexArchive. */
export class DexArchiveStack extends ServiceStack {
  constructor(scope: Construct, options: StackOptions) {
    super(scope, { ...options, service: "DexArchive" })
    this.watch({ timeZone: this.config.dexArchive.triggerTimeZone })
  }
}
