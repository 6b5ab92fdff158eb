import { openApp, type Surroundings } from '../../src/app.ts'
import { type Config, readConfig } from '../../src/config/config.ts'
import type { RawVariables } from '../../src/config/spelled-values.ts'
import { MemoryStore } from '../../src/state/memory/memory-store.ts'
import type { Store } from '../../src/state/store.ts'
import { openLog } from '../../src/telemetry/log.ts'
import { machine, machineWith } from '../../src/wire/machine.double.ts'

/** The whole program in this process, with the settings of a chat server. */
export interface ChatServerRig extends AsyncDisposable {
  readonly url: string
  /** Every line of its log. */
  readonly lines: readonly string[]
}

export interface RigOptions {
  readonly surroundings?: Partial<Surroundings>
  /** The store of its state. The default is in memory. The rig closes it. */
  readonly store?: Store
  /** Changes the configuration where no variable can. */
  alter?(config: Config): Config
}

/**
 * Starts the program with these variables. Its ids are `id-1`, `id-2` …, and its clock moves by one second for each id.
 */
export function startChatServer(
  variables: RawVariables,
  { surroundings, store = new MemoryStore({ runtime: machine }), alter = (config) => config }: RigOptions = {},
): ChatServerRig {
  const config = readConfig({ HOST: '127.0.0.1', PORT: '0', PATH: process.env.PATH, ...variables }, false)
  if ('problems' in config) throw new Error(JSON.stringify(config.problems))
  const lines: string[] = []
  const log = openLog({ runtime: machine, level: 'debug', format: 'json', write: (line) => void lines.push(line) })
  const app = openApp(alter(config), log, store, { ...counted(), ...surroundings })
  return { url: app.url, lines, [Symbol.asyncDispose]: () => app.close() }
}

function counted(): Surroundings {
  // the first id is that of the process
  let ids = -1
  return {
    runtime: machineWith({ newId: () => `id-${++ids}`, now: () => Date.UTC(2026, 0, 1) + (ids - 1) * 1_000 }),
  }
}

/** Writes `MCP_SERVERS` with these servers. */
export function mcpServers(servers: Readonly<Record<string, object>>): RawVariables {
  return { MCP_SERVERS: JSON.stringify({ mcpServers: servers }) }
}

/** Configures a program of `test/tools` as a server over standard input and output. */
export function stdio(...args: readonly string[]): object {
  return { command: process.execPath, args: [`${import.meta.dir}/../tools/sdk-server.ts`, ...args] }
}
