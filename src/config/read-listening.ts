import type { CrossSitePolicy } from '../api/door/cross-site.ts'
import type { Secret } from '../chat/secret.ts'
import { ipVersion } from '../flow/ip-address.ts'
import type { NamedKey } from '../keys/named-key.ts'
import { Environment } from './environment.ts'
import { readClientKeys } from './read-client-keys.ts'

/** The address to listen on, and who may send requests. */
export interface Listening {
  readonly host: string
  readonly port: number
  /** How many processes listen there. */
  readonly workers: number
  readonly keys: readonly Secret[]
  /** The keys of `API_KEYS_FILE`. */
  readonly namedKeys: readonly NamedKey[]
  readonly policy: CrossSitePolicy
  /** Whether it may be used without a key from other machines. */
  readonly allowsUnauthenticated: boolean
}

/** @param isShared whether several processes may use the state */
export function readListening(environment: Environment, isShared: boolean): Listening {
  const keys = readKeys(environment)
  const namedKeys = readClientKeys(environment, keys)
  const address = readAddress(environment, keys.length > 0 || namedKeys.length > 0)
  return { keys, namedKeys, ...address, workers: readWorkers(environment, { ...address, isShared }) }
}

/** `1` as the whole value means no authentication, as in the programs that this one replaces. */
function readKeys(environment: Environment): readonly Secret[] {
  environment.hide('API_MASTER_KEY')
  if (environment.text('API_MASTER_KEY') === '1') return []
  const names = environment.list('API_MASTER_KEY') ?? []
  const keys = new Environment(Object.fromEntries(names.map((key, at) => [`API_MASTER_KEY_${at + 1}`, key])))
  const read = keys.secrets('API_MASTER_KEY').map(({ secret }) => secret)
  if (environment.text('API_MASTER_KEY') && names.length === 0)
    environment.report({
      variable: 'API_MASTER_KEY',
      problem: 'is set but has no key',
      remedy: 'set a key, or unset it for no authentication',
    })
  for (const warning of keys.warnings) environment.warn(warning.replace(/^\w+/, 'API_MASTER_KEY'))
  for (const { problem, remedy } of keys.problems) environment.report({ variable: 'API_MASTER_KEY', problem, remedy })
  return read
}

interface WorkersNeeds {
  readonly port: number
  readonly isShared: boolean
}

function readWorkers(environment: Environment, { port, isShared }: WorkersNeeds): number {
  const workers = environment.integer('WORKERS', { fallback: 1, min: 1, max: 256 })
  const report = (problem: string, remedy: string) => environment.report({ variable: 'WORKERS', problem, remedy })
  if (workers > 1 && !isShared)
    report('needs a state that several processes can share', 'set STATE_URL=redis://…, or leave WORKERS out')
  if (workers > 1 && port === 0) report('needs a fixed port', 'set PORT, because each process would pick its own')
  return workers
}

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

function readAddress(environment: Environment, hasKeys: boolean): Omit<Listening, 'keys' | 'namedKeys' | 'workers'> {
  const host = environment.text('HOST') ?? (hasKeys ? '0.0.0.0' : '127.0.0.1')
  const isPublic = !loopback.has(host)
  const isAllowed = environment.flag('ALLOW_UNAUTHENTICATED')
  if (!/^[\w.:-]+$/.test(host))
    environment.report({
      variable: 'HOST',
      problem: 'is not an address to listen on',
      remedy: 'for example 127.0.0.1 or 0.0.0.0',
    })
  else if (isPublic && !hasKeys && !isAllowed)
    environment.report({
      variable: 'HOST',
      problem: 'is reachable from other machines, but no API_MASTER_KEY is set',
      remedy: 'set API_MASTER_KEY, or ALLOW_UNAUTHENTICATED=true if everybody who can reach it may use it',
    })
  return {
    host,
    port: environment.integer('PORT', { fallback: 8000, min: 0, max: 65_535 }),
    allowsUnauthenticated: isAllowed,
    policy: {
      hasKeys,
      isPublic,
      corsOrigins: readOrigins(environment),
      // a host name to listen on is also a name that clients may use
      allowedHosts: [...(isName(host) ? [host.toLowerCase()] : []), ...readHosts(environment)],
    },
  }
}

function readOrigins(environment: Environment): readonly string[] | undefined {
  const corsOrigins = environment.list('CORS_ORIGINS')?.map((origin) => origin.replace(/\/$/, ''))
  for (const origin of corsOrigins ?? []) {
    if (origin !== '*' && URL.parse(origin)?.origin !== origin)
      environment.report({
        variable: 'CORS_ORIGINS',
        problem: 'has an item that is not an origin',
        remedy: 'for example https://chat.example.org, or * for all',
      })
  }
  return corsOrigins
}

const hostForm = /^(\[[0-9a-f:.]+\]|[a-z0-9_-]+(\.[a-z0-9_-]+)*)(:\d{1,5})?$/

/** The names of `ALLOWED_HOSTS`, in the form of a `Host` header. */
function readHosts(environment: Environment): readonly string[] {
  const written = environment.list('ALLOWED_HOSTS') ?? []
  const report = (problem: string, remedy: string) => environment.report({ variable: 'ALLOWED_HOSTS', problem, remedy })
  return written.flatMap((text) => {
    const plain = text.toLowerCase().replace(/\.$/, '')
    const host = ipVersion(plain) === 6 ? `[${plain}]` : plain
    if (hostForm.test(host)) return [host]
    if (host.includes('*'))
      report('has a *, which is not a wildcard here', 'write each host, or set API_MASTER_KEY to accept all hosts')
    else if (host.includes('/'))
      report('has a URL', 'write the host alone, such as gateway.example.org or gateway.example.org:8443')
    else report('has an item that is not a host', 'for example gateway.example.org, as a Host header has it')
    return []
  })
}

function isName(host: string): boolean {
  return /[a-z]/i.test(host) && !host.includes(':') && !loopback.has(host)
}
