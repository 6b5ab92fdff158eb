import { type ImportedSettings, type ImportFinding, shown } from './finding.ts'
import { type ForeignFields, isForeignFields, textIn, variableIn } from './foreign.ts'
import { litellmService } from './litellm-services.ts'
import { litellmTopFields } from './litellm-settings.ts'
import { type Deployment, planSettings } from './plan-settings.ts'

/**
 * Translates a configuration file of LiteLLM's proxy (docs.litellm.ai, Config Settings).
 * @throws Error if it has no list of models
 */
export function importLitellm(config: unknown): ImportedSettings {
  if (!isForeignFields(config) || !Array.isArray(config.model_list))
    throw new Error('The file is no configuration of LiteLLM: it has no model_list.')
  const findings: ImportFinding[] = []
  const deployments = config.model_list.flatMap((entry, at) => {
    const read = readEntry(entry, `model_list[${at}]`, findings)
    return read ? [read] : []
  })
  const rest = litellmTopFields(config, findings)
  const plan = planSettings([...deployments, ...aliased(deployments, rest.aliases)], { fallbacks: rest.fallbacks })
  return { variables: [...rest.variables, ...plan.variables], keys: [], findings: [...findings, ...plan.findings] }
}

/** The same places under the names of `model_group_alias`. */
function aliased(deployments: readonly Deployment[], aliases: ReadonlyMap<string, string>): readonly Deployment[] {
  return [...aliases].flatMap(([alias, target]) =>
    deployments.filter(({ name }) => name === target).map((found) => ({ ...found, name: alias, rpm: undefined })),
  )
}

/** Fields of `litellm_params` that are used here, and those that mean nothing here. */
const used = new Set(['model', 'api_base', 'base_url', 'api_key', 'api_version', 'rpm', 'weight', 'order'])
const without: Readonly<Record<string, string>> = {
  custom_llm_provider: 'It is read as the prefix of the model.',
  max_retries: 'Failures before the answer are retried by themselves.',
  num_retries: 'Failures before the answer are retried by themselves.',
  drop_params: 'Parameters that an upstream does not take are dropped and named in the answer.',
  tpm: 'An upstream has no limit of tokens; a client key has one (tpm).',
  max_parallel_requests:
    'An upstream has no limit of its own; a client key has one (concurrent), and MAX_STREAMS is for all.',
  timeout: 'Write it as an option of a route: @ first=60s.',
  stream_timeout: 'Write it as an option of a route: @ first=60s.',
  input_cost_per_token: 'Prices stand in the file of PRICES_FILE.',
  output_cost_per_token: 'Prices stand in the file of PRICES_FILE.',
  organization: 'Write it as a header: OPENAI_HEADERS="OpenAI-Organization: …".',
  extra_headers: 'Write them as UPSTREAM_NAME_HEADERS or OPENAI_HEADERS.',
}

function readEntry(entry: unknown, place: string, findings: ImportFinding[]): Deployment | undefined {
  const params = isForeignFields(entry) ? entry.litellm_params : undefined
  if (!isForeignFields(entry) || !isForeignFields(params) || typeof params.model !== 'string') {
    findings.push({ place, text: 'It has no litellm_params.model, so it was left out.' })
    return undefined
  }
  for (const name of Object.keys(entry))
    if (name !== 'model_name' && name !== 'litellm_params')
      findings.push({
        place: `${place}.${shown(name)}`,
        text: 'It has no counterpart here. Prices stand in the file of PRICES_FILE.',
      })
  reportOthers(params, `${place}.litellm_params`, findings)
  const provider = textIn(params.custom_llm_provider)
  const written = provider === undefined ? params.model : `${provider}/${params.model.replace(`${provider}/`, '')}`
  const found = litellmService(written, textIn(params.api_base) ?? textIn(params.base_url), params.api_version)
  if (typeof found === 'string') {
    findings.push({ place, text: `The model ${shown(params.model)} was left out. ${found}` })
    return undefined
  }
  return {
    ...found,
    name: textIn(entry.model_name) ?? params.model,
    key: keyOf(params.api_key),
    weight: numberOf(params.weight),
    rank: numberOf(params.order),
    rpm: Math.ceil(numberOf(params.rpm) ?? 0),
    place,
  }
}

function reportOthers(params: ForeignFields, place: string, findings: ImportFinding[]): void {
  for (const name of Object.keys(params)) {
    if (used.has(name)) continue
    const known = Object.hasOwn(without, name) ? without[name] : undefined
    findings.push({
      place: `${place}.${shown(name)}`,
      text: known ?? 'It has no counterpart here. A default parameter is sent by the client.',
    })
  }
}

/** `os.environ/NAME` stands for a variable. */
function keyOf(value: unknown): Deployment['key'] {
  const text = textIn(value)
  if (text === undefined || text === 'none' || text === 'None') return undefined
  const variable = variableIn(text)
  return variable === undefined ? { text } : { variable }
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 && Number.isFinite(value) ? value : undefined
}
