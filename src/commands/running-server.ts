import { ChatError, isReason } from '../chat/error.ts'
import type { QuotaWindow } from '../chat/quota.ts'
import type { Config } from '../config/config.ts'
import { CancelSource } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Finding } from '../gateway/examine.ts'
import type { ToolServerState } from '../tools/tool.ts'
import { send } from '../wire/http.ts'
import type { HttpRequest } from '../wire/http-request.ts'
import { jsonOrUndefined } from '../wire/json.ts'
import { urlOf } from './health.ts'
import { readNeeds, type ServerNeed } from './read-needs.ts'

/** A running tributary at the configuration's address that answers its operator. */
export interface RunningServer {
  readonly url: string
  readonly upstreams: readonly ServedUpstream[]
  /** Makes the server try an upstream's accounts with its own sessions. @throws ChatError */
  test(name: string): Promise<readonly Finding[]>
  /** The states of its MCP servers. @throws ChatError */
  toolServers(): Promise<readonly ToolServerState[]>
  /** What it needs somebody for. @throws ChatError */
  needs(): Promise<readonly ServerNeed[]>
}

interface ServedUpstream {
  readonly name: string
  readonly accounts: readonly string[]
  /** What it does not ask at the moment, because it has failed: the upstream itself, or models of it. */
  readonly ejected: readonly string[]
}

const maxReplyBytes = 4 * 1024 * 1024
/** Milliseconds for the server to try an upstream: more than its limit for any account. */
const testMs = 90_000

/**
 * Looks for a running server at HOST and PORT.
 * @returns the HTTP status if the answer was not the list of upstreams; undefined if no server answers
 */
export async function findServer(config: Config, runtime: Runtime): Promise<RunningServer | number | undefined> {
  if (config.port === 0) return undefined
  const ask = createAsk(config, runtime)
  const listed = await ask('GET', '/admin/upstreams', 5_000).catch(() => undefined)
  if (!listed) return undefined
  const upstreams = listed.status === 200 ? readUpstreams(listed.body) : undefined
  if (!upstreams) return listed.status
  return {
    url: urlOf(config),
    upstreams,
    async test(name) {
      const { status, body } = await ask('POST', `/admin/upstreams/${name}/test`, testMs)
      const findings = status === 200 ? readFindings(name, body) : undefined
      if (findings) return findings
      throw noAnswer(status)
    },
    async needs() {
      const { status, body } = await ask('GET', '/admin/overview', 5_000)
      if (status === 200) return readNeeds(body)
      throw noAnswer(status)
    },
    async toolServers() {
      const { status, body } = await ask('GET', '/api/servers', 5_000)
      const servers = status === 200 ? readToolServers(body) : undefined
      if (servers) return servers
      throw noAnswer(status)
    },
  }
}

function noAnswer(status: number): ChatError {
  return new ChatError('unavailable', { message: `The running server answered with HTTP ${status}.` })
}

/** Why the running server did not do what the operator's command asked for. */
export function refusal({ status, body }: ServerAnswer, url: string): ChatError {
  const error = isRecord(body) && isRecord(body.error) ? String(body.error.message) : `HTTP ${status}`
  const hint = status === 401 || status === 403 ? ' This command uses the first key of API_MASTER_KEY.' : ''
  return new ChatError('unavailable', { message: `The server at ${url} refused: ${error}${hint}` })
}

interface ServerAnswer {
  readonly status: number
  readonly body: unknown
}

/** Returns a function that asks the server at HOST and PORT, with the first key. It throws if none answers. */
export function createAsk(
  config: Config,
  runtime: Runtime,
): (method: HttpRequest['method'], path: string, headMs: number, body?: object) => Promise<ServerAnswer> {
  const [key] = config.keys
  const headers: Record<string, string> = key ? { authorization: `Bearer ${key.reveal()}` } : {}
  return async (method, path, headMs, body) => {
    const limits = { connectMs: 2_000, headMs }
    const sent = body && { body: JSON.stringify(body) }
    const typed = { ...headers, ...(body && { 'content-type': 'application/json' }) }
    const reply = await send(
      { method, url: urlOf(config) + path, headers: typed, limits, isOwn: true, ...sent },
      new CancelSource(runtime),
    )
    return { status: reply.status, body: jsonOrUndefined(await reply.text(maxReplyBytes)) }
  }
}

function readUpstreams(body: unknown): RunningServer['upstreams'] | undefined {
  if (!isRecord(body) || !Array.isArray(body.data)) return undefined
  return body.data.filter(isRecord).flatMap(({ name, accounts, breaker }) => {
    if (typeof name !== 'string' || !/^[a-z0-9-]+$/.test(name) || !Array.isArray(accounts)) return []
    const labels = accounts.filter(isRecord).flatMap(({ label }) => (typeof label === 'string' ? [label] : []))
    return [{ name, accounts: labels, ejected: readEjected(name, breaker) }]
  })
}

function readEjected(upstream: string, breaker: unknown): readonly string[] {
  if (!isRecord(breaker)) return []
  if (breaker.state === 'ejected') return [upstream]
  const models = Array.isArray(breaker.models) ? breaker.models.filter(isRecord) : []
  return models.flatMap(({ model, state }) => (state === 'ejected' ? [`${upstream}/${model}`] : []))
}

const transports = ['stdio', 'http', 'sse'] as const
const statuses = ['idle', 'connecting', 'connected', 'failed'] as const

/** The MCP servers, without the program's own tools. */
function readToolServers(body: unknown): readonly ToolServerState[] | undefined {
  if (!isRecord(body) || !Array.isArray(body.servers)) return undefined
  return body.servers.filter(isRecord).flatMap(({ name, tools, error, stderr, ...sent }) => {
    const transport = transports.find((one) => one === sent.transport)
    const status = statuses.find((one) => one === sent.status)
    if (typeof name !== 'string' || !transport || !status) return []
    const why = typeof error === 'string' ? { why: error } : {}
    return [{ name, transport, status, tools: Number(tools), ...why, ...(typeof stderr === 'string' && { stderr }) }]
  })
}

function readFindings(upstream: string, body: unknown): readonly Finding[] | undefined {
  if (!isRecord(body) || !Array.isArray(body.accounts)) return undefined
  return body.accounts.filter(isRecord).map(({ account, model, took_ms: tookMs, error, quota }) => ({
    upstream,
    account: String(account),
    model: typeof model === 'string' ? model : undefined,
    tookMs: Number(tookMs),
    error: isRecord(error) ? readError(error) : undefined,
    quota: Array.isArray(quota) ? quota.filter(isRecord).map(readWindow) : [],
  }))
}

function readWindow({
  unit,
  scope,
  limit,
  remaining,
  reset_at: resetAt,
}: Readonly<Record<string, unknown>>): QuotaWindow {
  return {
    unit: unit === 'tokens' ? 'tokens' : 'requests',
    scope: typeof scope === 'string' ? scope : '',
    limit: typeof limit === 'number' ? limit : undefined,
    remaining: typeof remaining === 'number' ? remaining : undefined,
    lengthMs: undefined,
    resetAt: typeof resetAt === 'string' ? Date.parse(resetAt) : undefined,
    isGradual: false,
  }
}

function readError({
  reason,
  code,
  message,
  retry_after_ms: retryAfterMs,
}: Readonly<Record<string, unknown>>): ChatError {
  return new ChatError(isReason(reason) ? reason : 'upstream-failed', {
    message: String(message),
    code: String(code),
    ...(typeof retryAfterMs === 'number' && { retryAfterMs }),
  })
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
