import { asChatError, ChatError } from '../chat/error.ts'
import type { Config } from '../config/config.ts'
import type { Upstream } from '../providers/provider.ts'
import type { Store } from '../state/store.ts'
import { isServing } from './health.ts'

/** sysexits.h: what is configured cannot be used. */
const stateExit = 78

/** Whether the upstream has accounts that the operator configured and that are renewed. */
export function isRenewed({ accounts }: Upstream): boolean {
  return accounts.some(({ renewal }) => renewal !== undefined)
}

/**
 * Opens the state. Two that renew the same account burn it, and a server that keeps what it renewed in memory cannot be
 * asked for it.
 * @param shared upstreams whose accounts may be renewed here, though a server may be running too
 * @returns the process's exit code where the state cannot be had; why has been said then
 */
export async function openState(config: Config, shared: readonly Upstream[]): Promise<Store | number> {
  if (!config.state.isDurable && shared.length > 0 && (await isServing(config))) {
    process.stderr.write(runningWords(shared.map(({ name }) => name)))
    return 1
  }
  const store = await config.state.open().catch(asChatError)
  if (!(store instanceof ChatError)) return store
  process.stderr.write(`The state cannot be opened: ${store.message}\n`)
  return stateExit
}

function runningWords(names: readonly string[]): string {
  return `The server is running and keeps the renewed accounts of ${names.join(', ')} in its memory: to renew them here would take them from it.
Stop it first, or keep its state in a file (STATE_URL=sqlite:FILE). If what answers at HOST and PORT is no tributary, set another PORT.
`
}
