import { openApp } from '../../src/app.ts'
import { type Config, readConfig } from '../../src/config/config.ts'
import type { RawVariables } from '../../src/config/spelled-values.ts'
import { MemoryStore } from '../../src/state/memory/memory-store.ts'
import { openLog } from '../../src/telemetry/log.ts'
import { machine } from '../../src/wire/machine.double.ts'

/** A line of the log. */
export interface LogLine {
  readonly id?: string
  readonly msg: string
  readonly outcome?: string
  readonly attempts?: number
}

/** The whole program, in this process, on a free port. */
export interface RunningGateway {
  readonly url: string
  /** Returns the log lines of the request with this id. */
  linesOf(id: string): readonly LogLine[]
  /** Every line of the log. */
  readonly lines: readonly string[]
  close(): Promise<void>
}

/** Starts it with these variables. `alter` changes the configuration where no variable can. */
export function startGateway(
  variables: RawVariables,
  alter: (config: Config) => Config = (config) => config,
): RunningGateway {
  const config = readConfig({ PORT: '0', ...variables }, false)
  if ('problems' in config) throw new Error(JSON.stringify(config.problems))
  const lines: string[] = []
  const log = openLog({ runtime: machine, level: 'info', format: 'json', write: (line) => void lines.push(line) })
  const app = openApp(alter(config), log, new MemoryStore({ runtime: machine }), { runtime: machine })
  return {
    url: app.url,
    lines,
    linesOf: (id) => lines.map((line): LogLine => JSON.parse(line)).filter((line) => line.id === id),
    close: () => app.close(),
  }
}

/** Returns the variables of an upstream at this address, with one model of the same name. */
export function upstreamAt(name: string, url: string, keys: readonly string[] = []): RawVariables {
  const prefix = `UPSTREAM_${name.toUpperCase().replaceAll('-', '_')}`
  return {
    [`${prefix}_URL`]: url,
    [`${prefix}_MODELS`]: name,
    ...Object.fromEntries(keys.map((key, at) => [`${prefix}_KEY_${at + 1}`, key])),
  }
}
