/** The driver that functions reach SQL Server with, as far as the tests use it: it comes without types. */
import type { EventEmitter } from "node:events"
import { createRequire } from "node:module"

/** A type that a parameter is sent in. */
export interface DriverType {
  readonly declaration?: string
}

export interface DriverColumn {
  readonly name: string
  readonly type: DriverType
}

export interface DriverResult {
  readonly recordset: ReadonlyArray<Record<string, unknown>> & {
    readonly columns: Readonly<Record<string, DriverColumn>>
  }
  readonly recordsets: ReadonlyArray<ReadonlyArray<Record<string, unknown>>>
  readonly rowsAffected: ReadonlyArray<number>
}

export interface DriverRequest extends EventEmitter {
  stream: boolean
  input(name: string, value: unknown): DriverRequest
  input(name: string, type: DriverType, value: unknown): DriverRequest
  query(sql: string): Promise<DriverResult>
  batch(sql: string): Promise<DriverResult>
  pause(): void
  resume(): void
  cancel(): void
}

/** What the tests see of the connection that the driver stands on. */
export interface DriverConnection extends EventEmitter {
  close(): void
  /** Makes the connection as new with its next message. */
  reset(done: (error: unknown) => void): void
}

export interface DriverConfig {
  readonly server: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database?: string
  readonly requestTimeout?: number
  readonly connectionTimeout?: number
  readonly validateConnection?: boolean | "socket"
  readonly beforeConnect?: (connection: DriverConnection) => void
  readonly pool?: { readonly min?: number; readonly max?: number }
  readonly options?: {
    readonly encrypt?: boolean
    readonly trustServerCertificate?: boolean
    readonly packetSize?: number
    readonly connectionRetryInterval?: number
    readonly cryptoCredentialsDetails?: { readonly ca?: string }
  }
}

export interface DriverPool extends EventEmitter {
  connect(): Promise<DriverPool>
  request(): DriverRequest
  transaction(): { begin(): Promise<unknown> }
  close(): Promise<void>
}

export interface DriverStatement {
  input(name: string, type: DriverType): DriverStatement
  prepare(sql: string): Promise<unknown>
  execute(values: Readonly<Record<string, unknown>>): Promise<DriverResult>
  unprepare(): Promise<void>
}

interface Driver {
  readonly ConnectionPool: new (config: DriverConfig) => DriverPool
  readonly PreparedStatement: new (pool: DriverPool) => DriverStatement
  readonly MAX: number
  readonly Int: DriverType
  readonly BigInt: DriverType
  readonly Bit: DriverType
  readonly Float: DriverType
  readonly VarBinary: DriverType
  readonly VarChar: DriverType
  readonly NVarChar: DriverType & ((length: number) => DriverType)
  readonly Decimal: (precision: number, scale: number) => DriverType
}

/** The driver. */
export const mssql = createRequire(import.meta.url)("mssql") as Driver
