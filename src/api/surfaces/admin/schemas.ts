import { needKinds } from '../../../needs/need.ts'
import { dimensions } from '../../../usage/report.ts'
import {
  anyObject,
  flag,
  integer,
  listOf,
  meaningful,
  named,
  number,
  objectOf,
  oneOf,
  orNull,
  text,
  wholeFrom,
} from '../json-schema.ts'
import { keySchemas } from './key-schemas.ts'

const usageLine = objectOf({
  requests: integer,
  failed: integer,
  answers: integer,
  input_tokens: integer,
  cached_tokens: integer,
  missed_tokens: integer,
  cache_write_tokens: integer,
  output_tokens: integer,
  reasoning_tokens: integer,
  estimated_answers: integer,
  cost_usd: orNull(number),
  unknown_costs: integer,
  saved_usd: number,
})

const patterns = listOf(text)

const day = { type: 'string', format: 'date' }

/** The parameters of a report on the usage. */
export const usageQuery = { by: oneOf(...dimensions), from: day, to: day, format: oneOf('json', 'csv') }

const breaker = { state: oneOf('good', 'mistrusted', 'ejected'), ejected_ms: integer }

const count = orNull(integer)
/** The attempts of the last hour. */
const attempts = { requests: integer, failed: integer, last_success_at: orNull(text) }
const percentiles = orNull(objectOf({ p50: integer, p95: integer }))
const minute = { at: text, requests: integer, failed: integer }
const upstreamStats = objectOf({
  ...attempts,
  first_event_ms: percentiles,
  minutes: listOf(objectOf({ ...minute, first_event_ms: orNull(integer) })),
})
/** Only with RECEIPT_HASHES=true. */
const hashed = objectOf({ sha256: text, bytes: integer })
const hashes = orNull(objectOf({ asked: hashed, answered: hashed }))
/** What happened to a request, in milliseconds from its beginning. */
const timeline = objectOf({
  queued_ms: integer,
  attempts: listOf(
    objectOf({
      ...{ upstream: text, account: orNull(text), model: text, start_ms: integer },
      ...{ first_event_ms: count, end_ms: count, outcome: orNull(text), hashes },
    }),
  ),
  seams: listOf(objectOf({ at_ms: integer, upstream: text, from: orNull(text), after: text, way: text })),
})

/** Only with RECORD_PROMPTS=true. */
const recorded = orNull(objectOf({ request: text, answer: text, is_cut: flag }))

/** One of the last requests. Unknown numbers are null. */
const request = {
  ...{
    id: text,
    time: text,
    key: text,
    surface: orNull(text),
    task: text,
    model: text,
    upstream: orNull(text),
    account: orNull(text),
  },
  ...{ outcome: text, attempts: integer, first_event_ms: count, duration_ms: integer },
  ...{ input_tokens: count, cached_tokens: count, cache_write_tokens: count, output_tokens: count },
  ...{ cost_usd: orNull(number), continued: integer, cache_broken_at: orNull(text) },
}

const quotaWindow = {
  ...{ unit: oneOf('requests', 'tokens'), scope: text, limit: orNull(number), remaining: orNull(number) },
  ...{ window_ms: orNull(integer), reset_at: orNull(text) },
}

const clause = objectOf({
  ...{ stand: oneOf('allowed', 'forbidden', 'limited', 'unknown'), source: orNull(text), note: orNull(text) },
})

const need = {
  ...{ id: text, kind: oneOf(...needKinds), severity: oneOf('urgent', 'warning', 'note') },
  ...{ since: text, until: orNull(text), upstream: orNull(text), account: orNull(text), model: orNull(text) },
  ...{ tool_server: orNull(text), key: orNull(text), variable: orNull(text), request: orNull(text) },
  ...{ why: orNull(text), facts: anyObject },
}
const lastHour = {
  ...{ requests: integer, failed: integer, client_left: integer },
  first_event_ms: orNull(objectOf({ p50: number, p95: number })),
  ...{ input_tokens: integer, output_tokens: integer, cost_usd: orNull(number) },
  minutes: listOf(objectOf({ at: text, requests: integer, failed: integer })),
}

/** Something that an upstream has sent otherwise than its adapter knows it. */
const drift = {
  ...{ id: text, kind: oneOf('unknown_event', 'missing_field', 'wrong_type'), where: text, shape: text },
  ...{ count: integer, first_at: text, last_at: text, request: orNull(text) },
}

/** Variables of an upstream, with their texts. */
const variables = {
  ...{ type: 'object', additionalProperties: meaningful, minProperties: 1, maxProperties: 20 },
  propertyNames: { pattern: '^[A-Z][A-Z0-9_]{0,127}$' },
}

/** The schemas of the requests and responses. */
export const schemas = {
  Me: objectOf({
    ...{ name: text, role: oneOf('client', 'admin'), needs_key: flag, version: text },
    limits: objectOf({
      ...{ rpm: orNull(integer), tpm: orNull(integer), concurrent: orNull(integer), budget: orNull(anyObject) },
    }),
    models: orNull(patterns),
    expires: orNull(text),
    records_prompts: flag,
    budget: orNull(
      objectOf({
        ...{ amount: number, unit: oneOf('tokens', 'USD'), period: orNull(oneOf('day', 'month')) },
        ...{ used: number, resets_at: orNull(text) },
      }),
    ),
  }),
  Overview: objectOf({
    ...{ now: text, version: text, started_at: text },
    needs: listOf(objectOf(need)),
    last_hour: objectOf(lastHour),
    calls: objectOf({ running: integer, permits: integer, waiting: integer }),
    counts: objectOf({ upstreams: integer, accounts: integer, tool_servers: integer, keys: integer }),
  }),
  /** Its name says which one it is; `upstreams` has no members. */
  OperatorEvent: { anyOf: [named('Overview'), named('Request'), anyObject] },
  Request: objectOf(request),
  RequestList: objectOf({ object: oneOf('list'), data: listOf(named('Request')) }),
  RequestDetails: objectOf({
    ...request,
    ...{ reasoning_tokens: count, usage_source: orNull(text), reply_bytes: count, hops: integer, hedged: flag },
    ...{ saved_usd: orNull(number), tools: listOf(text), parameters: anyObject, lost: listOf(text) },
    timeline,
    texts: recorded,
    conversation: orNull(
      objectOf({
        ...{ id: text, requests: integer, input_tokens: integer, cached_tokens: integer, missed_tokens: integer },
        ...{ cache_write_tokens: integer, output_tokens: integer, cache_breaks: integer },
        ...{ cost_usd: orNull(number), saved_usd: orNull(number) },
      }),
    ),
  }),
  SettingList: objectOf({
    object: oneOf('list'),
    data: listOf(
      objectOf({
        ...{ name: text, value: orNull(text), is_secret: flag, is_set: flag, origin: text },
        changes: oneOf('now', 'restart'),
      }),
    ),
    env_file: orNull(text),
    warnings: listOf(text),
  }),
  ToolServers: objectOf({ servers: listOf(named('ToolServerDetails')) }),
  ToolServerDetails: objectOf({
    ...{ name: text, transport: oneOf('stdio', 'http', 'sse', 'builtin') },
    ...{ status: oneOf('idle', 'connecting', 'connected', 'failed'), since: orNull(text) },
    ...{ why: orNull(text), stderr: orNull(text) },
    tools: listOf(objectOf({ name: text, description: orNull(text), parameters: anyObject })),
  }),
  ToolTrial: objectOf({ 'arguments?': orNull(anyObject) }),
  ToolTrialResult: objectOf({
    ...{ content: text, is_error: flag, is_cut: flag, structured: {}, took_ms: integer },
    images: listOf(objectOf({ media_type: text, data: text })),
  }),
  Reload: objectOf({
    changed: listOf(text),
    at_next_start: listOf(text),
    problems: listOf(objectOf({ variable: text, problem: text, remedy: text })),
  }),
  Restart: objectOf({ pid: integer, executable: text }),
  RequestExport: objectOf({
    ...{ format: oneOf('tributary-request'), version: integer, outcome: text },
    request: objectOf({
      ...{ surface: orNull(text), task: text, model: text, stream: flag, parameters: listOf(text) },
      ...{ gateway_tools: integer, panel: flag, hedged: flag },
    }),
    ...{ first_event_ms: count, duration_ms: integer, timeline: anyObject },
    usage: orNull(objectOf({ input_tokens: count, output_tokens: count, source: text })),
    texts: orNull(objectOf({ request: text, answer: text })),
  }),
  ...keySchemas,
  Upstream: objectOf({
    name: text,
    address: orNull(text),
    terms: orNull(
      objectOf({ read_on: text, automation: clause, sharing: clause, several_accounts: clause, training: clause }),
    ),
    is_web_product: flag,
    credential: orNull(objectOf({ variable: text, kind: oneOf('key', 'session') })),
    breaker: objectOf({ ...breaker, models: listOf(objectOf({ model: text, ...breaker })) }),
    used_up: orNull(objectOf({ until: text, models: orNull(listOf(text)) })),
    stats: upstreamStats,
    drift: listOf(objectOf(drift)),
    accounts: listOf(named('UpstreamAccount')),
  }),
  UpstreamAccount: objectOf({
    ...{ label: text, source: oneOf('environment', 'state', 'made'), variable: orNull(text) },
    ...{ state: text, until: orNull(text), why: orNull(text), models: orNull(listOf(text)) },
    quota: listOf(objectOf({ model: text, ...quotaWindow })),
    stats: objectOf(attempts),
  }),
  AccountRest: objectOf({ minutes: wholeFrom(1, 525_600) }),
  NewCredential: objectOf({ variables, 'force?': flag }),
  ReplacedCredential: objectOf({ value: text, 'force?': flag }),
  AddedCredential: objectOf({ upstream: text, accounts: listOf(text), test: named('AccountTest') }),
  RemovedCredential: objectOf({ variable: text, deleted: flag, removed: listOf(text) }),
  UpstreamList: objectOf({
    object: oneOf('list'),
    data: listOf(named('Upstream')),
    available: listOf(
      objectOf({ variable: text, upstream: orNull(text), provider: text, kind: oneOf('key', 'session', 'url') }),
    ),
  }),
  Usage: objectOf({
    object: oneOf('usage'),
    from: text,
    to: text,
    by: oneOf('day', 'model', 'upstream', 'key'),
    prices: objectOf({ package: text, version: text, date: text }),
    data: listOf(usageLine),
    total: usageLine,
  }),
  ForgottenDrift: objectOf({ upstream: text, forgotten: integer }),
  UpstreamTest: objectOf({
    upstream: text,
    accounts: listOf(named('AccountTest')),
  }),
  AccountTest: objectOf({
    account: text,
    works: flag,
    model: orNull(text),
    took_ms: integer,
    quota: listOf(objectOf(quotaWindow)),
    error: orNull(objectOf({ reason: text, code: text, message: text, retry_after_ms: orNull(integer) })),
  }),
}
