import { type ImportedVariable, type ImportFinding, shown } from './finding.ts'
import { type ForeignFields, isForeignFields, variableIn } from './foreign.ts'

interface ReadNames {
  readonly fallbacks: Map<string, readonly string[]>
  readonly aliases: Map<string, string>
}

const variableText = 'It is a variable of the other program: set the variable here that stands for it.'

interface TopFields {
  readonly variables: readonly ImportedVariable[]
  readonly fallbacks: ReadonlyMap<string, readonly string[]>
  /** Other names of models. */
  readonly aliases: ReadonlyMap<string, string>
}

/** What is done here without a setting, or by another one. */
const counterparts: Readonly<Record<string, string>> = {
  drop_params: 'Parameters that an upstream does not take are dropped and named in the answer.',
  modify_params: 'Parameters that an upstream does not take are dropped and named in the answer.',
  num_retries: 'Failures before the answer are retried by themselves, at most three requests in all.',
  max_retries: 'Failures before the answer are retried by themselves, at most three requests in all.',
  retry_policy: 'Failures before the answer are retried by themselves, by the table of docs/errors.md.',
  allowed_fails: 'The breaker decides by itself (docs/breaker.md).',
  cooldown_time: 'The breaker decides by itself (docs/breaker.md).',
  disable_cooldowns: 'The breaker decides by itself (docs/breaker.md).',
  routing_strategy: 'Several places of a model are balanced by the time to their first event (docs/routes.md).',
  enable_pre_call_checks: 'Parameters are checked before a request is sent.',
  telemetry: 'This gateway sends no telemetry.',
  set_verbose: 'LOG_LEVEL=debug',
  json_logs: 'LOG_FORMAT=json',
  cache: 'Answers are not cached. Conversations stay where their prompt is in a cache (docs/prompt-caches.md).',
  cache_params: 'Answers are not cached. Conversations stay where their prompt is in a cache (docs/prompt-caches.md).',
  callbacks: 'Metrics are at /metrics, traces go to OTEL_EXPORTER_OTLP_ENDPOINT; there are no other callbacks.',
  success_callback: 'Metrics are at /metrics, traces go to OTEL_EXPORTER_OTLP_ENDPOINT; there are no other callbacks.',
  failure_callback: 'Metrics are at /metrics, traces go to OTEL_EXPORTER_OTLP_ENDPOINT; there are no other callbacks.',
  alerting: 'Set NOTIFY_URL.',
  alerting_threshold: 'NOTIFY_URL is told what needs somebody.',
  database_url: 'Its keys are not read. Make them again with "tributary keys add".',
  store_model_in_db: 'Models that are only in its database are not read.',
  salt_key: 'Its database is not read.',
  max_budget: 'Give each client key a budget: "tributary keys add NAME --budget".',
  budget_duration: 'Give each client key a budget: "tributary keys add NAME --budget".',
  max_parallel_requests: 'Give each client key a limit: "tributary keys add NAME --concurrent".',
  global_max_parallel_requests: 'Set MAX_STREAMS.',
  pass_through_endpoints: 'Paths are not passed on: only the routes of openapi.json exist.',
  context_window_fallbacks: 'A prompt that is too long is an error of the request, and is not sent to another model.',
  content_policy_fallbacks: 'A refused prompt is an error of the request, and is not sent to another model.',
}

/** Translates everything but the models: `general_settings`, `litellm_settings`, `router_settings`. */
export function litellmTopFields(config: ForeignFields, findings: ImportFinding[]): TopFields {
  const variables: ImportedVariable[] = []
  const names: ReadNames = { fallbacks: new Map(), aliases: new Map() }
  for (const [section, value] of Object.entries(config)) {
    if (section === 'model_list') continue
    if (!isForeignFields(value)) {
      findings.push({ place: shown(section), text: counterpartOf(section) })
      continue
    }
    for (const [name, setting] of Object.entries(value)) {
      const place = `${shown(section)}.${shown(name)}`
      const translated = section === 'environment_variables' ? variableText : translate(name, setting, names)
      if (typeof translated === 'string') findings.push({ place, text: translated })
      else variables.push(...translated)
    }
  }
  return { variables: variables.toSorted(([a], [b]) => rank(a) - rank(b)), ...names }
}

/** The key first, as in `.env.example`. */
function rank(name: string): number {
  return ['API_MASTER_KEY', 'API_REQUEST_TIMEOUT', 'STATE_URL'].indexOf(name)
}

/** @returns variables, or a sentence about a setting that is not carried over */
function translate(
  name: string,
  value: unknown,
  { fallbacks, aliases }: ReadNames,
): readonly ImportedVariable[] | string {
  switch (name) {
    case 'master_key':
      return keyText(value)
    case 'request_timeout':
    case 'timeout':
      return typeof value === 'number' && value > 0 && Number.isFinite(value)
        ? [['API_REQUEST_TIMEOUT', String(Math.max(1, Math.round(value)))]]
        : counterpartOf(name)
    case 'redis_url':
      return typeof value === 'string' && /^rediss?:/.test(value) ? [['STATE_URL', value]] : redis
    case 'redis_host':
    case 'redis_port':
    case 'redis_password':
      return redis
    case 'fallbacks':
      return readFallbacks(value, fallbacks)
    case 'model_group_alias':
      return readAliases(value, aliases)
    default:
      return counterpartOf(name)
  }
}

const redis = 'Set STATE_URL=redis://:PASSWORD@HOST:PORT if several processes work together.'

function keyText(value: unknown): readonly ImportedVariable[] | string {
  if (typeof value !== 'string') return 'It is no text.'
  const variable = variableIn(value)
  return variable === undefined
    ? [['API_MASTER_KEY', value]]
    : `The key is in the variable ${variable}: set API_MASTER_KEY to the same value.`
}

/** `[{"gpt-5": ["claude"]}]` */
function readFallbacks(
  value: unknown,
  fallbacks: Map<string, readonly string[]>,
): readonly ImportedVariable[] | string {
  for (const entry of Array.isArray(value) ? value : [])
    for (const [name, others] of Object.entries(isForeignFields(entry) ? entry : {})) {
      if (!Array.isArray(others) || !others.every((one) => typeof one === 'string'))
        return `The fallbacks of "${shown(name)}" are not names of models.`
      fallbacks.set(name, others)
    }
  return []
}

/** `{"gpt-4": "gpt-5"}`, or `{"gpt-4": {"model": "gpt-5", "hidden": true}}` */
function readAliases(value: unknown, aliases: Map<string, string>): readonly ImportedVariable[] | string {
  for (const [alias, entry] of Object.entries(isForeignFields(value) ? value : {})) {
    const target = isForeignFields(entry) ? entry.model : entry
    if (typeof target !== 'string') return `The model of the alias "${shown(alias)}" is no name.`
    aliases.set(alias, target)
  }
  return []
}

function counterpartOf(name: string): string {
  return (Object.hasOwn(counterparts, name) ? counterparts[name] : undefined) ?? 'It has no counterpart here.'
}
