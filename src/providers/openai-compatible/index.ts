import type { Account } from '../../accounts/account.ts'
import type { Secret } from '../../chat/secret.ts'
import type { Problem, Provider, Upstream, Variables } from '../provider.ts'
import { ollamaUrl } from './ollama-host.ts'
import { type Preset, presets } from './presets.ts'
import { openaiCompatible } from './upstream.ts'

/** OpenAI, the well-known services that speak its dialect, a local Ollama, and whatever `UPSTREAM_<NAME>_URL` names. */
export const provider: Provider = {
  name: 'openai-compatible',
  configure(variables) {
    const named = [
      ...presets.flatMap((preset) => configurePreset(preset, variables)),
      ...configureOllama(variables),
      ...configureOthers(variables),
    ]
    return withoutRepeats(named, variables)
  },
  async emulate() {
    const { emulateOpenai } = await import('./emulator.ts')
    const emulator = await emulateOpenai({ models: ['gpt-5-mini', 'gpt-4o-mini'], paceMs: 20 })
    return { ...emulator, variables: { OPENAI_API_KEY: 'any-key', OPENAI_BASE_URL: `${emulator.origin}/v1` } }
  },
}

/** A preset is on when it has a key; OpenAI's own address may also be that of a server which asks for none. */
function configurePreset(preset: Preset, variables: Variables): Upstream<Secret | undefined>[] {
  const keys = variables.secrets(`${preset.prefix}_API_KEY`)
  const url = variables.url(`${preset.prefix}_BASE_URL`)
  const models = variables.list(`${preset.prefix}_MODELS`)
  if (keys.length === 0 && !url) return []
  if (keys.length === 0 && preset.name !== 'openai') {
    variables.report({
      variable: `${preset.prefix}_API_KEY`,
      problem: `is missing, although ${preset.prefix}_BASE_URL is set`,
      remedy: 'set the key, or unset the URL',
    })
    return []
  }
  return [
    openaiCompatible({
      name: preset.name,
      url: url ?? preset.url,
      accounts: accountsOf(keys, preset.name),
      manyChoices: preset.manyChoices ?? false,
      ...(models && { models }),
    }),
  ]
}

function configureOllama(variables: Variables): Upstream<Secret | undefined>[] {
  const host = variables.text('OLLAMA_HOST')
  if (!host) return []
  const url = ollamaUrl(host)
  if (!url) {
    variables.report({
      variable: 'OLLAMA_HOST',
      problem: 'is no host, host:port or http URL',
      remedy: 'for example 127.0.0.1:11434',
    })
    return []
  }
  const accounts = [{ label: 'ollama', credential: undefined }]
  return [openaiCompatible({ name: 'ollama', url, accounts, manyChoices: false })]
}

function configureOthers(variables: Variables): Upstream<Secret | undefined>[] {
  return variables.matching(/^UPSTREAM_([A-Z0-9_]+?)_(URL|KEY|KEY_\d+|MODELS)$/).flatMap(([, prefix = '', kind]) => {
    const url = variables.url(`UPSTREAM_${prefix}_URL`)
    const keys = variables.secrets(`UPSTREAM_${prefix}_KEY`)
    const models = variables.list(`UPSTREAM_${prefix}_MODELS`)
    if (kind !== 'URL') {
      if (!variables.text(`UPSTREAM_${prefix}_URL`)) variables.report(lacksUrl(prefix, kind ?? ''))
      return []
    }
    if (!url) return []
    const name = prefix.toLowerCase().replaceAll('_', '-')
    return [
      openaiCompatible({ name, url, accounts: accountsOf(keys, name), manyChoices: false, ...(models && { models }) }),
    ]
  })
}

function lacksUrl(prefix: string, kind: string): Problem {
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
      problem: `names an upstream "${name}" that there is already`,
      remedy: 'choose another <NAME>',
    })
    return false
  })
}
