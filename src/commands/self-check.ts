import type { App } from '../app.ts'
import type { Config } from '../config/config.ts'
import type { Logger } from '../flow/call.ts'

/** A part of the program that is on, with what an operator should know of it. It has no secret. */
interface CheckedPart {
  readonly part: string
  readonly [fact: string]: unknown
}

const message = 'self-check'

/** Says at the start what is on, a line for each part, and what is wrong, a line for each need. */
export function checkItself(
  { configuration, needs, url }: Pick<App, 'configuration' | 'needs' | 'url'>,
  log: Logger,
): void {
  for (const part of partsOf(configuration.inForce, url)) log.info(part, message)
  for (const { kind, severity, about, why } of needs.list()) {
    const line = { part: 'needs', need: kind, severity, ...about, ...(why !== undefined && { why }) }
    if (severity === 'note') log.info(line, message)
    else log.warn(line, message)
  }
}

function partsOf(config: Config, url: string): readonly CheckedPart[] {
  const { upstreams, routes, aliases, tools, notify, state } = config
  return [
    { part: 'address', url, ...accessOf(config) },
    { part: 'state', place: state.description, isDurable: state.isDurable },
    { part: 'upstreams', accounts: Object.fromEntries(upstreams.map(({ name, accounts }) => [name, accounts.length])) },
    ...some('routes', { routes: routes.map(({ name }) => name), aliases: aliases.size }, routes.length + aliases.size),
    ...some('tools', { servers: tools.servers.map(({ name }) => name) }, tools.servers.length),
    ...some('notifications', { places: notify.targets.map(({ name }) => name) }, notify.targets.length),
    { part: 'log', ...logOf(config) },
    ...(config.traces ? [{ part: 'traces' }] : []),
  ]
}

function accessOf({ keys, namedKeys, policy }: Config): object {
  const count = keys.length + namedKeys.length
  return { keys: count, access: count > 0 ? 'keys' : policy.isPublic ? 'everybody' : 'this machine' }
}

function logOf({ logLevel, logFormat, logFile, isLogChained }: Config): object {
  return { threshold: logLevel, format: logFormat, ...(logFile && { file: logFile.path }), isChained: isLogChained }
}

/** A part that is only there if it is used. */
function some(part: string, facts: object, count: number): readonly CheckedPart[] {
  return count > 0 ? [{ part, ...facts }] : []
}
