import { openApp, type Surroundings } from '../../src/app.ts'
import { type Config, readConfig } from '../../src/config/config.ts'
import type { RawVariables } from '../../src/config/spelled-values.ts'
import { MemoryStore } from '../../src/state/memory/memory-store.ts'
import type { Store } from '../../src/state/store.ts'
import { openLog } from '../../src/telemetry/log.ts'
import { machine, machineWith } from '../../src/wire/machine.double.ts'

/** The whole program with what a chat server needs, in this process. */
export interface ChatServerRig extends AsyncDisposable {
  readonly url: string
  /** Every line of its log, as it was written. */
  readonly lines: readonly string[]
}

export interface RigOptions {
  readonly surroundings?: Partial<Surroundings>
  /** Where it keeps its state; in memory, where it does not say. The rig closes it. */
  readonly store?: Store
  /** Puts in what no variable can. */
  alter?(config: Config): Config
}

/** Starts it with these variables. What it keeps is named `id-1`, `id-2` …, a second apart. */
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
  let ids = 0
  return {
    runtime: machineWith({ newId: () => `id-${++ids}`, now: () => Date.UTC(2026, 0, 1) + (ids - 1) * 1_000 }),
  }
}

/** `MCP_SERVERS` with these servers. */
export function mcpServers(servers: Readonly<Record<string, object>>): RawVariables {
  return { MCP_SERVERS: JSON.stringify({ mcpServers: servers }) }
}

/** One of the programs in `test/tools`, as a server on its standard input and output. */
export function stdio(...args: readonly string[]): object {
  return { command: process.execPath, args: [`${import.meta.dir}/../tools/sdk-server.ts`, ...args] }
}
