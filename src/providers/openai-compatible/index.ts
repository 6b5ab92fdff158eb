import type { Account } from '../../accounts/account.ts'
import { hideKeysIn, type Secret } from '../../chat/secret.ts'
import { type BaseUrl, hasVersion, parseBaseUrl, routesOfOpenai } from '../../wire/base-url.ts'
import type { Problem, Provider, Upstream, Variables } from '../provider.ts'
import { configureApi, exampleOf } from './configure-api.ts'
import { type Differences, differences } from './differences.ts'
import { messagesCompatible } from './messages.ts'
import { ollamaUrl } from './ollama-host.ts'
import { headersOf, type Preset, presets } from './presets.ts'
import { termsOf } from './terms.ts'
import { openaiCompatible } from './upstream.ts'

/** OpenAI, the well-known services with its dialect, a local Ollama, and every server that `UPSTREAM_<NAME>_URL` names. */
export const provider: Provider = {
  name: 'openai-compatible',
  prefixes: (variables) => [
    ...presets.map(({ prefix }) => prefix),
    'OLLAMA',
    ...variables.matching(/^(UPSTREAM_[A-Z0-9_]+?)_URL$/).map(([, prefix = '']) => prefix),
  ],
  switches: [
    { variable: 'OLLAMA_HOST', upstream: 'ollama', kind: 'url' },
    { variable: 'UPSTREAM_<NAME>_URL', upstream: undefined, kind: 'url' },
    { variable: 'UPSTREAM_<NAME>_KEY', upstream: undefined, kind: 'key' },
  ],
  configure(variables) {
    const named = [
      ...presets.flatMap((preset) => configurePreset(preset, variables)),
      ...configureOllama(variables),
      ...configureOthers(variables),
    ]
    return withoutRepeats(named, variables)
  },
  async emulate() {
    const { emulateOpenai } = await import('./emulator/index.ts')
    const emulator = await emulateOpenai({ models: ['gpt-5-mini', 'gpt-4o-mini'], paceMs: 20 })
    return { ...emulator, variables: { OPENAI_API_KEY: 'any-key', OPENAI_BASE_URL: `${emulator.origin}/v1` } }
  },
}

/** Configures a preset if it has a key. OpenAI's preset may have only an address, if the server there needs no key. */
function configurePreset(preset: Preset, variables: Variables): Upstream<Secret | undefined>[] {
  const keys = variables.secrets(`${preset.prefix}_API_KEY`)
  const address = addressIn(variables, `${preset.prefix}_BASE_URL`, exampleFor(variables, preset))
  const base = address ?? { url: preset.url, query: '' }
  const api = apiOf(variables, preset, base)
  const models = variables.list(`${preset.prefix}_MODELS`)
  const usual = headersOf[preset.name]
  const headers = usual && { ...usual, ...variables.headers(`${preset.prefix}_HEADERS`) }
  if (keys.length === 0 && (!address || preset.name !== 'openai')) {
    const idle = ['BASE_URL', 'MODELS', ...(preset.hasOtherApi ? ['API'] : []), ...(usual ? ['HEADERS'] : [])].map(
      (ending) => `${preset.prefix}_${ending}`,
    )
    const set = idle.find((name) => variables.text(name) !== undefined)
    const isServer = preset.name === 'openai' && set?.endsWith('_URL')
    if (set !== undefined && !isServer && !isAnySet(`${preset.prefix}_API_KEY`, variables))
      variables.report({
        variable: `${preset.prefix}_API_KEY`,
        problem: `is missing, although ${set} is set`,
        remedy: `set the key, or unset ${set}`,
      })
    return []
  }
  const common = { name: preset.name, accounts: accountsOf(keys, preset.name), headers, models }
  if (api === 'messages') return [messagesCompatible({ ...common, base })]
  const manyChoices = preset.manyChoices ?? false
  const upstream = openaiCompatible({ ...common, ...base, manyChoices, api, ...differencesFor(preset.name) })
  const terms = base.url === preset.url ? termsOf[preset.name] : undefined
  return [{ ...upstream, ...(terms && { terms }) }]
}

function exampleFor(variables: Variables, { prefix, url, hasOtherApi }: Preset): string {
  return hasOtherApi ? exampleOf(variables, `${prefix}_API`, url) : url
}

/** The API of a preset. Only an address of the operator's own has the Messages API. */
function apiOf(variables: Variables, { name, prefix, url, hasOtherApi }: Preset, base: BaseUrl) {
  if (!hasOtherApi) return undefined
  const variable = `${prefix}_API`
  const responsesModels = name === 'openai' ? variables.list('OPENAI_RESPONSES_MODELS') : undefined
  const api = configureApi(variables, { variable, base, responsesModels })
  if (api !== 'messages' || base.url !== url) return api
  variables.report({
    variable,
    problem: `names an API that ${url} has not`,
    remedy: `set ${prefix}_BASE_URL to the address with Anthropic's API, such as https://host/anthropic`,
  })
  return undefined
}

/** Whether any key is set, valid or not. An invalid key has been reported already. */
function isAnySet(name: string, variables: Variables): boolean {
  return variables.matching(new RegExp(`^${name}(_\\d+)?$`)).length > 0
}

function differencesFor(name: string): { differs?: Differences } {
  const differs = differences[name]
  return differs ? { differs } : {}
}

function configureOllama(variables: Variables): Upstream<Secret | undefined>[] {
  const host = variables.text('OLLAMA_HOST')
  if (!host) return []
  const url = ollamaUrl(host)
  if (!url) {
    variables.report({
      variable: 'OLLAMA_HOST',
      problem: 'is not a host, host:port or http URL',
      remedy: 'for example 127.0.0.1:11434',
    })
    return []
  }
  const accounts = [{ label: 'ollama', credential: undefined }]
  return [openaiCompatible({ name: 'ollama', url, accounts, manyChoices: false, ...differencesFor('ollama') })]
}

function configureOthers(variables: Variables): Upstream<Secret | undefined>[] {
  for (const [, prefix = '', kind = ''] of variables.matching(
    /^UPSTREAM_([A-Z0-9_]+?)_(KEY|KEY_\d+|MODELS|HEADERS|API|RESPONSES_MODELS|TOOLS)$/,
  )) {
    if (!variables.text(`UPSTREAM_${prefix}_URL`)) variables.report(missingUrl(prefix, kind))
  }
  return variables.matching(/^UPSTREAM_([A-Z0-9_]+?)_URL$/).flatMap(([, prefix = '']) => {
    const variable = `UPSTREAM_${prefix}_API`
    const usual = exampleOf(variables, variable, 'https://host/v1')
    const address = addressIn(variables, `UPSTREAM_${prefix}_URL`, usual)
    const responsesModels = variables.list(`UPSTREAM_${prefix}_RESPONSES_MODELS`)
    const keys = variables.secrets(`UPSTREAM_${prefix}_KEY`)
    const models = variables.list(`UPSTREAM_${prefix}_MODELS`)
    const headers = variables.headers(`UPSTREAM_${prefix}_HEADERS`)
    const differs = readToolsSetting(`UPSTREAM_${prefix}_TOOLS`, variables)
    if (!address) return []
    const name = prefix.toLowerCase().replaceAll('_', '-')
    const common = { name, accounts: accountsOf(keys, name), headers, models }
    const api = configureApi(variables, { variable, base: address, responsesModels })
    if (api === 'messages') return [messagesCompatible({ ...common, base: address })]
    return [openaiCompatible({ ...common, ...address, manyChoices: false, api, ...(differs && { differs }) })]
  })
}

/** Reads whether a server takes tools. One that takes none takes no response formats either. */
function readToolsSetting(name: string, variables: Variables): Differences | undefined {
  const setting = variables.text(name)?.toLowerCase()
  if (setting === 'none') return { lacks: ['tools', 'toolChoice', 'parallelToolCalls', 'responseFormat'] }
  if (setting !== undefined && setting !== 'native')
    variables.report({ variable: name, problem: 'is not a known word', remedy: 'one of native, none' })
  return undefined
}

/**
 * Reads an address, which may have been copied from a request.
 * @param usual an example address of such a service
 */
function addressIn(variables: Variables, name: string, usual: string): BaseUrl | undefined {
  const text = variables.text(name)
  if (text === undefined) return undefined
  const base = parseBaseUrl(text, routesOfOpenai)
  // the address is shown, but a key in its query is not
  if (base) hideKeysIn(new URLSearchParams(base.query))
  if (!base)
    variables.report({
      variable: name,
      problem: 'is not an http or https URL',
      remedy: `for example ${usual}, without a user, a fragment or white space`,
    })
  else if (!hasVersion(base) && hasVersion({ url: usual, query: '' }))
    variables.warn(
      `${name} has no version in its path. The addresses of nearly all such services end in one, as ${usual} does: is /v1 missing?`,
    )
  return base
}

function missingUrl(prefix: string, kind: string): Problem {
  return {
    variable: `UPSTREAM_${prefix}_URL`,
    problem: `is missing, although UPSTREAM_${prefix}_${kind} is set`,
    remedy: 'set it to the base URL with its version path, such as https://host/v1',
  }
}

function accountsOf(keys: ReturnType<Variables['secrets']>, name: string): Account<Secret | undefined>[] {
  if (keys.length === 0) return [{ label: name, credential: undefined }]
  return keys.map(({ name: label, secret }) => ({ label, credential: secret }))
}

function withoutRepeats(upstreams: readonly Upstream[], variables: Variables): Upstream[] {
  const seen = new Set<string>()
  return upstreams.filter(({ name }) => {
    if (!seen.has(name)) return seen.add(name)
    const prefix = `UPSTREAM_${name.toUpperCase().replaceAll('-', '_')}`
    variables.report({
      variable: `${prefix}_URL`,
      problem: `names an upstream "${name}" that exists already`,
      remedy: 'choose another <NAME>',
    })
    return false
  })
}
