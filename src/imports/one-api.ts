import { type ImportedSettings, type ImportFinding, shown } from './finding.ts'
import { isForeignFields, namesIn, textIn } from './foreign.ts'
import { type OneApiRow, readTokens } from './one-api-tokens.ts'
import { type Deployment, planSettings } from './plan-settings.ts'
import { labelOf, type ModelService } from './services.ts'

/** The tables of a database of one-api or new-api. */
export interface OneApiTables {
  readonly channels: readonly OneApiRow[]
  readonly tokens: readonly OneApiRow[]
  readonly users: readonly OneApiRow[]
}

/**
 * Translates a database of one-api or new-api: channels to upstreams, tokens to client keys.
 * @param nowMs milliseconds since 1970: a token that has expired is left out
 */
export function importOneApi({ channels, tokens, users }: OneApiTables, nowMs: number): ImportedSettings {
  const findings: ImportFinding[] = []
  const deployments = channels.flatMap((channel) => readChannel(channel, findings))
  const plan = planSettings(deployments, { fallbacks: new Map() })
  const keys = readTokens(tokens, { users, findings, nowMs })
  return { variables: plan.variables, keys, findings: [...findings, ...plan.findings] }
}

/** Types of channels that are an upstream here (one-api, relay/channeltype; new-api, constant/channel.go has the same numbers). */
const upstreamOf: Readonly<Record<number, string>> = {
  ...{ 1: 'openai', 14: 'anthropic', 20: 'openrouter', 24: 'gemini', 28: 'mistral', 29: 'groq' },
  ...{ 35: 'cohere', 36: 'deepseek', 39: 'together', 45: 'xai' },
}

/** Types that speak OpenAI's dialect at another address: its usual one, with its version path. */
const addressOf: Readonly<Record<number, readonly [label: string, url: string]>> = {
  25: ['moonshot-cn', 'https://api.moonshot.cn/v1'],
  26: ['baichuan', 'https://api.baichuan-ai.com/v1'],
  31: ['lingyiwanwu', 'https://api.lingyiwanwu.com/v1'],
  32: ['stepfun', 'https://api.stepfun.com/v1'],
  16: ['zhipu', 'https://open.bigmodel.cn/api/paas/v4'],
  17: ['qwen', 'https://dashscope.aliyuncs.com/compatible-mode/v1'],
  40: ['doubao', 'https://ark.cn-beijing.volces.com/api/v3'],
  44: ['siliconflow', 'https://api.siliconflow.cn/v1'],
  49: ['bailian', 'https://dashscope.aliyuncs.com/compatible-mode/v1'],
}

const enabled = 1

function readChannel(channel: OneApiRow, findings: ImportFinding[]): readonly Deployment[] {
  const place = `channels ${Number(channel.id)} (${shown(channel.name)})`
  if (channel.status !== enabled) {
    findings.push({ place, text: 'It is turned off there, so it was left out.' })
    return []
  }
  const service = serviceOf(channel)
  if (typeof service === 'string') {
    findings.push({ place, text: service })
    return []
  }
  reportColumns(channel, place, findings)
  const mapping = mappingOf(channel.model_mapping)
  if (!mapping) findings.push({ place, text: 'Its model_mapping is no JSON object, so its models keep their names.' })
  const [weight, priority] = [Number(channel.weight) || 0, Number(channel.priority) || 0]
  // new-api keeps several keys of a channel in one text
  const keys = String(channel.key ?? '')
    .split('\n')
    .map((text) => text.trim())
    .filter((text) => text !== '')
  return namesIn(channel.models).flatMap((name) =>
    (keys.length > 0 ? keys : [undefined]).map((text) => ({
      ...{ name, service, model: mapping?.get(name) ?? name, place },
      key: text === undefined ? undefined : { text },
      weight: weight > 0 ? Math.min(weight, 1_000) : undefined,
      // there a higher priority comes first
      rank: -priority,
    })),
  )
}

/** Columns of a channel that change what is asked, and that are not carried over. */
const leftOver: Readonly<Record<string, string>> = {
  system_prompt: 'A system prompt of a channel has no counterpart here.',
  param_override: 'Parameters that a channel replaces have no counterpart here.',
  header_override: 'Its headers are not carried over: set UPSTREAM_NAME_HEADERS.',
  openai_organization: 'Its organization is not carried over: write it as a header in OPENAI_HEADERS.',
  status_code_mapping: 'Other status codes have no counterpart here.',
  setting: 'Its further settings, such as a proxy, are not carried over.',
  settings: 'Its further settings are not carried over.',
  config: 'Its further settings are not carried over.',
  other: 'Its further settings are not carried over.',
}

const empty = new Set(['', '{}', '[]', 'null'])

function reportColumns(channel: OneApiRow, place: string, findings: ImportFinding[]): void {
  for (const [column, text] of Object.entries(leftOver))
    if (!empty.has(textIn(channel[column])?.trim() ?? '')) findings.push({ place: `${place}.${column}`, text })
  if (textIn(channel.group) !== undefined && channel.group !== 'default')
    findings.push({
      place,
      text: `The group "${shown(channel.group)}" is not carried over: give each client key its models.`,
    })
}

/** @returns where a channel's models are, or why they cannot be asked here */
function serviceOf({ type, base_url: base, name }: OneApiRow): ModelService | string {
  const number = Number(type)
  const url = textIn(base)?.replace(/\/+$/, '')
  const upstream = upstreamOf[number]
  if (upstream !== undefined && url === undefined)
    return { upstream, api: upstream === 'anthropic' ? 'messages' : 'chat', label: upstream }
  if (upstream === 'anthropic' && url !== undefined) return { url, api: 'messages', label: labelOf(url, 'anthropic') }
  const usual = addressOf[number]
  if (usual) return { url: url === undefined ? usual[1] : withVersion(url), api: 'chat', label: usual[0] }
  const isCompatible = upstream !== undefined || number === 8 || number === 50
  if (isCompatible && url !== undefined)
    return { url: withVersion(url), api: 'chat', label: labelOf(url, textIn(name) ?? 'channel') }
  if (number === 30) return { url: withVersion(url ?? 'http://localhost:11434'), api: 'chat', label: 'ollama' }
  return `Channels of the type ${number} are not known here. If it speaks OpenAI's dialect, set UPSTREAM_NAME_URL and UPSTREAM_NAME_KEY.`
}

/** one-api adds `/v1` itself. */
function withVersion(url: string): string {
  return /\/v\d+\w*$/.test(url) ? url : `${url}/v1`
}

/** @returns undefined for a text that cannot be read */
function mappingOf(value: unknown): ReadonlyMap<string, string> | undefined {
  const text = textIn(value)
  if (text === undefined) return new Map()
  try {
    const parsed: unknown = JSON.parse(text)
    if (!isForeignFields(parsed)) return parsed === null ? new Map() : undefined
    return new Map(
      Object.entries(parsed).flatMap(([name, model]) => (typeof model === 'string' ? [[name, model]] : [])),
    )
  } catch {
    return undefined
  }
}
