import type { Config } from '../config/config.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { ChainHead } from '../telemetry/log-chain.ts'

/** A chain of log lines, which is open. */
export interface OpenChain {
  readonly seal: (line: string) => string
  /** Its first line, not yet sealed. */
  readonly first: string
  /** Makes its last line, not yet sealed. */
  last(): string
}

/** Opens the chain of `LOG_CHAIN` for the lines of this process. @returns undefined if it is off */
export async function openChain(
  { isLogChained, logFile, stateSecrets: { secret } }: Config,
  runtime: Runtime,
): Promise<OpenChain | undefined> {
  if (!isLogChained) return undefined
  const [{ chainBegins, chainEnds, chainKeyOf, LogChain }, { headsOf }] = await Promise.all([
    import('../telemetry/log-chain.ts'),
    import('../telemetry/chain-heads.ts'),
  ])
  const after: readonly ChainHead[] = logFile ? await headsOf(logFile.path) : []
  const lineOf = (fields: object, msg: string) =>
    `${JSON.stringify({ level: 'info', time: new Date(runtime.now()).toISOString(), ...fields, msg })}\n`
  const chain = new LogChain(runtime.newId(), secret && chainKeyOf(secret.reveal()))
  return {
    seal: chain.seal,
    // the level of the log does not hide them
    first: lineOf({ pid: process.pid, keyed: secret !== undefined, after }, chainBegins),
    last: () => lineOf({}, chainEnds),
  }
}
