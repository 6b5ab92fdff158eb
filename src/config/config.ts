import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { readTrustedProxies } from '../api/client-address.ts'
import type { CrossSitePolicy } from '../api/cross-site.ts'
import type { Secret } from '../chat/secret.ts'
import type { Deadlines } from '../gateway/layers/deadline.ts'
import type { Panel } from '../gateway/panel.ts'
import { demo } from '../providers/demo/index.ts'
import { providers } from '../providers/index.ts'
import type { Problem, Upstream } from '../providers/provider.ts'
import type { StateConfig } from '../state/open-store.ts'
import type { ToolsConfig } from '../tools/server-config.ts'
import type { EgressPolicy } from '../wire/egress.ts'
import { Environment, type RawVariables } from './environment.ts'
import { readEgress } from './read-chat-server.ts'
import { readPanels } from './read-panels.ts'
import { readState } from './read-state.ts'
import { readToolLimits, type ToolLoopConfig } from './read-tool-limits.ts'
import { readTools } from './read-tools.ts'

/** What the operator has set, checked. */
export interface Config {
  readonly host: string
  readonly port: number
  readonly keys: readonly Secret[]
  /** Whose word on a client's address is taken: addresses, ranges, `loopback`. */
  readonly trustedProxies: readonly string[]
  readonly policy: CrossSitePolicy
  readonly maxBodyBytes: number
  readonly deadlines: Deadlines
  readonly keepAliveMs: number
  readonly shutdownGraceMs: number
  /** For how long a conversation is remembered that nobody goes on with. */
  readonly sessionTtlMs: number
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'
  readonly logFormat: 'pretty' | 'json'
  readonly upstreams: readonly Upstream[]
  /** Virtual models that several of them answer together. */
  readonly panels: readonly Panel[]
  /** Servers of tools that the gateway itself can run for a model. */
  readonly tools: ToolsConfig
  readonly toolLoop: ToolLoopConfig
  /** Where a caller of the chat server may have its own model asked. */
  readonly egress: EgressPolicy
  /** Where what outlives a request is kept. */
  readonly state: StateConfig
  /** Whether requests to upstreams go through a proxy. */
  readonly isProxied: boolean
  /** Things that are probably not meant so, but can be lived with. */
  readonly warnings: readonly string[]
}

/** Everything that is wrong with the configuration, so that one start shows all of it. */
export interface Misconfigured {
  readonly problems: readonly Problem[]
}

/**
 * Reads the environment, and before it the file.
 * @param envFile a file of `KEY=value` lines; without one `./.env` is read if it is there
 * @param choose makes of what is set what is used; all of it is, unless said otherwise
 */
export function loadConfig(
  envFile: string | undefined,
  choose = (set: RawVariables): RawVariables => set,
): Config | Misconfigured {
  const fromFile = envFile === undefined && !existsSync('.env') ? {} : readEnvFile(envFile ?? '.env')
  if (!fromFile) {
    const problem = existsSync(envFile ?? '.env')
      ? 'names a file that cannot be read'
      : 'names a file that does not exist'
    return {
      problems: [{ variable: envFile === undefined ? '.env' : '--env-file', problem, remedy: 'check the path' }],
    }
  }
  return readConfig(choose({ ...withoutProxies(fromFile), ...process.env }), process.stdout.isTTY ?? false)
}

/** From now on nothing on this machine is asked through a proxy: Bun looks at the process's environment each time. */
export function bypassProxies(): void {
  process.env.NO_PROXY = '127.0.0.1'
  process.env.no_proxy = '127.0.0.1'
}

/** The variables of a file; undefined where it cannot be read. */
function readEnvFile(path: string): RawVariables | undefined {
  try {
    return parseEnv(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

const proxyVariables = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']

/** Bun's fetch finds its proxy in the process's environment alone: one in a file is none. */
function withoutProxies(variables: RawVariables): RawVariables {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !proxyVariables.includes(name.toUpperCase())))
}

/** The configuration these variables make. */
export function readConfig(variables: RawVariables, isTerminal: boolean): Config | Misconfigured {
  const environment = new Environment(variables)
  const configured = providers.flatMap((provider) => provider.configure(environment))
  const keys = readKeys(environment)
  const { state, warnings } = readState(environment, configured)
  const config: Config = {
    ...readAddress(environment, keys),
    keys,
    trustedProxies: readProxies(environment),
    maxBodyBytes: environment.integer('MAX_BODY_BYTES', { fallback: 32 * 1024 * 1024, min: 1024, max: 1024 ** 3 }),
    deadlines: readDeadlines(environment),
    keepAliveMs: seconds(environment, 'KEEPALIVE_INTERVAL', 10),
    shutdownGraceMs: seconds(environment, 'SHUTDOWN_GRACE', 30),
    sessionTtlMs: seconds(environment, 'SESSION_CACHE_TTL', 3600),
    logLevel: environment.choice('LOG_LEVEL', ['trace', 'debug', 'info', 'warn', 'error', 'silent']) ?? 'info',
    logFormat: environment.choice('LOG_FORMAT', ['pretty', 'json']) ?? (isTerminal ? 'pretty' : 'json'),
    upstreams: configured.length > 0 ? configured : [demo],
    panels: readPanels(
      environment,
      configured.map(({ name }) => name),
    ),
    // not through the environment's reader: these two are nothing of ours that is set
    tools: readTools(environment, { PATH: variables.PATH, HOME: variables.HOME }),
    toolLoop: readToolLimits(environment),
    egress: readEgress(environment),
    state,
    isProxied: proxyVariables.some((name) => environment.text(name) ?? environment.text(name.toLowerCase())),
    warnings,
  }
  if (environment.problems.length > 0) return { problems: environment.problems }
  return { ...config, warnings: warningsOf(environment, config) }
}

/** `1` as the whole value means no authentication, as it did in the programs this one replaces. */
function readKeys(environment: Environment): readonly Secret[] {
  if (environment.text('API_MASTER_KEY') === '1') return []
  const names = environment.list('API_MASTER_KEY') ?? []
  const keys = new Environment(Object.fromEntries(names.map((key, at) => [`API_MASTER_KEY_${at + 1}`, key])))
  const read = keys.secrets('API_MASTER_KEY').map(({ secret }) => secret)
  if (environment.text('API_MASTER_KEY') && names.length === 0)
    environment.report({
      variable: 'API_MASTER_KEY',
      problem: 'is set but holds no key',
      remedy: 'set a key, or unset it for no authentication',
    })
  for (const { problem, remedy } of keys.problems) environment.report({ variable: 'API_MASTER_KEY', problem, remedy })
  return read
}

function readProxies(environment: Environment): readonly string[] {
  const items = environment.list('TRUSTED_PROXIES') ?? []
  const [wrong] = readTrustedProxies(items).malformed
  if (wrong !== undefined)
    environment.report({
      variable: 'TRUSTED_PROXIES',
      problem: `is no list of addresses: its item ${items.indexOf(wrong) + 1} is neither an address nor a range`,
      remedy: 'for example loopback, 10.0.0.2, 10.0.0.0/8 or fd00::/8, separated by commas',
    })
  return items
}

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

function readAddress(environment: Environment, keys: readonly Secret[]): Pick<Config, 'host' | 'port' | 'policy'> {
  const hasKeys = keys.length > 0
  const host = environment.text('HOST') ?? (hasKeys ? '0.0.0.0' : '127.0.0.1')
  const isPublic = !loopback.has(host)
  const isAllowed = environment.choice('ALLOW_UNAUTHENTICATED', ['true', 'false']) === 'true'
  if (!/^[\w.:-]+$/.test(host))
    environment.report({
      variable: 'HOST',
      problem: 'is no address to bind',
      remedy: 'for example 127.0.0.1 or 0.0.0.0',
    })
  if (isPublic && !hasKeys && !isAllowed) {
    environment.report({
      variable: 'HOST',
      problem: 'is reachable from other machines while no API_MASTER_KEY is set',
      remedy: 'set API_MASTER_KEY, or ALLOW_UNAUTHENTICATED=true if everybody who can reach it may use it',
    })
  }
  const corsOrigins = environment.list('CORS_ORIGINS')?.map((origin) => origin.replace(/\/$/, ''))
  for (const origin of corsOrigins ?? []) {
    if (origin !== '*' && URL.parse(origin)?.origin !== origin)
      environment.report({
        variable: 'CORS_ORIGINS',
        problem: 'holds something that is no origin',
        remedy: 'for example https://chat.example.org, or * for all',
      })
  }
  return {
    host,
    port: environment.integer('PORT', { fallback: 8000, min: 0, max: 65_535 }),
    policy: {
      hasKeys,
      isPublic,
      corsOrigins,
      // a name that is bound is a name it has
      allowedHosts: [...(isName(host) ? [host] : []), ...(environment.list('ALLOWED_HOSTS') ?? [])].map((name) =>
        name.toLowerCase(),
      ),
    },
  }
}

function isName(host: string): boolean {
  return /[a-z]/i.test(host) && !host.includes(':') && !loopback.has(host)
}

function readDeadlines(environment: Environment): Deadlines {
  const isSet = environment.text('API_REQUEST_TIMEOUT') !== undefined
  const firstEventMs = seconds(environment, 'API_REQUEST_TIMEOUT', 180)
  return {
    firstEventMs,
    wholeMs: isSet ? firstEventMs : 600_000,
    idleMs: seconds(environment, 'STREAM_IDLE_TIMEOUT', 120),
  }
}

/** A duration in whole seconds, as milliseconds. */
function seconds(environment: Environment, name: string, fallback: number): number {
  return environment.integer(name, { fallback, min: 1, max: 86_400 }) * 1000
}

function warningsOf(environment: Environment, config: Config): string[] {
  const short = config.keys.some((key) => key.reveal().length < 16)
  const socks = proxyVariables.find((name) =>
    /^socks/i.test(environment.text(name) ?? environment.text(name.toLowerCase()) ?? ''),
  )
  return [
    ...config.warnings,
    ...environment.warnings,
    ...(socks
      ? [
          `${socks} names a SOCKS proxy, which Bun does not speak: requests would go past it, or fail. Use an HTTP proxy.`,
        ]
      : []),
    ...environment
      .typos()
      .map(({ name, nearest }) => `${name} is not a variable of tributary. Did you mean ${nearest}?`),
    ...(short ? ['API_MASTER_KEY holds a key of fewer than 16 characters, which can be guessed.'] : []),
    ...(config.policy.isPublic && !config.policy.hasKeys
      ? ['Everybody who can reach this address can use your upstreams: ALLOW_UNAUTHENTICATED is set.']
      : []),
  ]
}
