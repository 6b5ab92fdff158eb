import type { Config } from './config.ts'
import type { Setting } from './setting.ts'

/** The gateway's variables that have a value even if they are not set. The function gives that value. */
const gatewaySettings: readonly (readonly [name: string, value: (config: Config) => string])[] = [
  ['HOST', ({ host }) => host],
  ['PORT', ({ port }) => String(port)],
  ['WORKERS', ({ workers }) => String(workers)],
  ['API_MASTER_KEY', () => 'none'],
  ['API_KEYS_FILE', () => 'none'],
  ['ALLOW_UNAUTHENTICATED', () => 'false'],
  ['CORS_ORIGINS', ({ policy }) => policy.corsOrigins?.join(',') ?? (policy.hasKeys ? '*' : 'none')],
  ['ALLOWED_HOSTS', ({ policy }) => policy.allowedHosts.join(',') || 'none'],
  ['TRUSTED_PROXIES', ({ trustedProxies }) => trustedProxies.join(',') || 'none'],
  ['MAX_BODY_BYTES', ({ maxBodyBytes }) => String(maxBodyBytes)],
  ['API_REQUEST_TIMEOUT', ({ deadlines }) => seconds(deadlines.firstEventMs)],
  ['STREAM_IDLE_TIMEOUT', ({ deadlines }) => seconds(deadlines.idleMs)],
  ['KEEPALIVE_INTERVAL', ({ keepAliveMs }) => seconds(keepAliveMs)],
  ['SHUTDOWN_DELAY', ({ shutdownDelayMs }) => seconds(shutdownDelayMs)],
  ['SHUTDOWN_GRACE', ({ shutdownGraceMs }) => seconds(shutdownGraceMs)],
  ['MAX_STREAMS', () => 'by descriptors'],
  ['MAX_QUEUE', ({ maxQueue }) => String(maxQueue)],
  ['STATE_URL', ({ state }) => state.url],
  ['STATE_SECRET', ({ state }) => (state.keyFile ? `in ${state.keyFile}` : 'none')],
  ['SESSION_CACHE_TTL', ({ sessionTtlMs }) => seconds(sessionTtlMs)],
  ['CHAT_TTL', ({ chatTtlMs }) => seconds(chatTtlMs)],
  ['LOG_LEVEL', ({ logLevel }) => logLevel],
  ['LOG_FORMAT', ({ logFormat }) => logFormat],
  ['LOG_FILE', () => 'none'],
  ['LOG_MAX_BYTES', () => String(10 * 1024 ** 2)],
  ['LOG_RETENTION_DAYS', () => '7'],
  ['LOG_MAX_FILES', () => '100'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', () => 'none'],
  ['LOG_CHAIN', ({ isLogChained }) => String(isLogChained)],
  ['RECORD_PROMPTS', ({ recordsPrompts }) => String(recordsPrompts)],
  ['RECEIPT_HASHES', ({ hashesReceipts }) => String(hashesReceipts)],
  ['NOTIFY_URL', () => 'none'],
  ['NOTIFY_LEVEL', ({ notify }) => notify.level],
  ['ROUTES', () => 'none'],
  ['ALIASES', () => 'none'],
  ['PRICES_FILE', () => 'none'],
  ['MCP_SERVERS', () => 'none'],
  ['EMULATE_TOOLS', ({ emulateTools }) => emulateTools],
  ['TOOL_MAX_ROUNDS', ({ toolLoop }) => String(toolLoop.limits.maxRounds)],
  ['TOOL_MAX_CALLS', ({ toolLoop }) => String(toolLoop.limits.maxCalls)],
  ['TOOL_MAX_PARALLEL', ({ toolLoop }) => String(toolLoop.limits.maxParallel)],
  ['TOOL_TIMEOUT', ({ toolLoop }) => seconds(toolLoop.limits.timeoutMs)],
  ['TOOL_MAX_RESULT_BYTES', ({ toolLoop }) => String(toolLoop.limits.maxResultBytes)],
  ['TOOL_SUMMARY_CHARACTERS', ({ toolLoop }) => String(toolLoop.limits.summaryCharacters)],
  ['TOOL_SEARCH_OVER', ({ toolLoop }) => String(toolLoop.limits.searchOver)],
  ['SUMMARY_MODEL', () => "the request's model"],
  ['CHAT_MODEL', () => 'the first that can chat and take tools'],
  ['MODEL_CONFIG_HOSTS', ({ egress }) => egress.hosts.join(',') || 'none'],
]

function seconds(ms: number): string {
  return String(ms / 1000)
}

/** All settings in force, and where they come from: first the gateway's own, then all others that are set. */
export function settingsInForce(config: Config): readonly Setting[] {
  const set = new Map(config.settings.map((setting) => [setting.name, setting]))
  const known = new Set(gatewaySettings.map(([name]) => name))
  return [
    ...gatewaySettings.map(([name, value]) => set.get(name) ?? { name, value: value(config), origin: 'default' }),
    ...config.settings.filter(({ name }) => !known.has(name)),
  ]
}
