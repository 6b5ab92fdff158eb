import { asChatError, ChatError } from '../chat/error.ts'
import type { Config } from '../config/config.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Upstream } from '../providers/provider.ts'
import type { StateSharing } from '../state/state-place.ts'
import type { Store } from '../state/store.ts'
import { isServing } from './health.ts'

/** sysexits.h: the configuration cannot be used. */
const stateExit = 78

/** Whether the upstream has configured accounts that are renewed. */
export function isRenewed({ accounts }: Upstream): boolean {
  return accounts.some(({ renewal }) => renewal !== undefined)
}

interface OpenStateOptions {
  /** Upstreams whose accounts may be renewed here although a server may be running. */
  readonly shared?: readonly Upstream[]
  /** Given by a server, which may be restarted. */
  readonly sharing?: StateSharing
}

/**
 * Opens the state. It refuses this while a running server keeps renewed accounts in memory: two processes that renew
 * the same account make it invalid.
 * @returns the process's exit code if the state cannot be opened; the reason has been printed
 */
export async function openState(
  config: Config,
  runtime: Runtime,
  { shared = [], sharing }: OpenStateOptions = {},
): Promise<Store | number> {
  if (!config.state.isDurable && shared.length > 0 && (await isServing(config, runtime))) {
    process.stderr.write(describeConflict(shared.map(({ name }) => name)))
    return 1
  }
  const store = await config.state.open(runtime, sharing).catch(asChatError)
  if (!(store instanceof ChatError)) return store
  process.stderr.write(`The state cannot be opened: ${store.message}\n`)
  return stateExit
}

function describeConflict(names: readonly string[]): string {
  return `The server is running and keeps the renewed accounts of ${names.join(', ')} in its memory: renewing them here would make its copies invalid.
Stop it first, or keep its state in a file (STATE_URL=sqlite:FILE). If the program at HOST and PORT is not tributary, set another PORT.
`
}
