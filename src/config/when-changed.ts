import type { Config } from './config.ts'

/** Settings that are only read at the start: where it listens, its state, its tool servers, its traces, and how long data is kept. */
const atStart =
  /^(HOST|PORT|WORKERS|STATE_\w+|\w+_TTL|MCP_SERVERS|EXA_\w+|LOG_FORMAT|LOG_FILE|LOG_CHAIN|LOG_MAX_\w+|LOG_RETENTION_DAYS|OTEL_\w+|SHUTDOWN_\w+|\w+_PROXY|BUN_CONFIG_\w+)$/i

/** Whether a new value takes effect at the next reload, or only at the next start. */
export function whenChanged(name: string): 'now' | 'restart' {
  return atStart.test(name) ? 'restart' : 'now'
}

/** The variables whose values, or the content of whose files, differ. */
export function changedNames({ fingerprints: former }: Config, { fingerprints: changed }: Config): readonly string[] {
  const names = new Set([...former.keys(), ...changed.keys()])
  return [...names].filter((name) => former.get(name) !== changed.get(name)).sort()
}
