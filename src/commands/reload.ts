import type { App } from '../app.ts'
import type { Config, Misconfigured } from '../config/config.ts'
import type { Log } from '../telemetry/log.ts'

/** Settings that are only read at the start: where it listens, its state, its tool servers, and how long data is kept. */
const atStart =
  /^(HOST|PORT|WORKERS|STATE_\w+|\w+_TTL|MCP_SERVERS|EXA_\w+|LOG_FORMAT|SHUTDOWN_\w+|\w+_PROXY|BUN_CONFIG_\w+)$/

interface Reloading {
  readonly app: Pick<App, 'reconfigure'>
  readonly log: Log
  /** Reads the configuration as at the start. */
  read(): Config | Misconfigured
}

/**
 * Reads the configuration again, and applies it to later requests. If it has a problem, the former one stays. The log says what has
 * changed, by names only.
 * @returns the configuration in force
 */
export function reload(former: Config, { app, log, read }: Reloading): Config {
  const changed = read()
  if ('problems' in changed) {
    for (const { variable, problem, remedy } of changed.problems)
      log.error({ variable, problem, remedy }, 'the changed configuration has a problem, so the former one stays')
    return former
  }
  for (const warning of changed.warnings) if (!former.warnings.includes(warning)) log.warn({ warning }, 'configuration')
  log.setLevel(changed.logLevel)
  app.reconfigure(changed)
  const names = changedNames(former, changed)
  const later = names.filter((name) => atStart.test(name))
  const now = names.filter((name) => !atStart.test(name))
  log.info(
    { changed: now, ...(later.length > 0 && { atNextStart: later }) },
    'the configuration and its files were read again',
  )
  return changed
}

/** The variables whose values differ. */
function changedNames({ fingerprints: former }: Config, { fingerprints: changed }: Config): readonly string[] {
  const names = new Set([...former.keys(), ...changed.keys()])
  return [...names].filter((name) => former.get(name) !== changed.get(name)).sort()
}
