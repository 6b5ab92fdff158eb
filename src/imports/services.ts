import { presets } from '../providers/openai-compatible/presets.ts'

/** An API that an address speaks. */
export type ServedApi = 'chat' | 'messages' | 'responses'

/** Where a model of another gateway is. */
export interface ModelService {
  /** One of this gateway's own upstreams; undefined for an address of its own. */
  readonly upstream?: string
  /** The address, with its version path. Without one the upstream's usual one is meant. */
  readonly url?: string
  readonly api: ServedApi
  /** What it is named after if it is an upstream of its own. */
  readonly label: string
}

/** The variable of each upstream's key, by the name of the upstream. */
const keyVariables: Readonly<Record<string, string>> = {
  ...Object.fromEntries(presets.map(({ name, prefix }) => [name, `${prefix}_API_KEY`])),
  anthropic: 'ANTHROPIC_API_KEY',
  cohere: 'COHERE_TOKEN',
  ai21: 'AI21_TOKEN',
  mistral: 'MISTRAL_TOKEN',
}

/** The variable of an upstream's key; undefined if this gateway has no upstream of this name. */
export function keyVariableOf(upstream: string): string | undefined {
  return Object.hasOwn(keyVariables, upstream) ? keyVariables[upstream] : undefined
}

/** The usual address of an OpenAI-compatible upstream. */
export function usualUrlOf(upstream: string): string | undefined {
  return presets.find(({ name }) => name === upstream)?.url
}

/** A name for an upstream at an address: the most telling part of its host. */
export function labelOf(url: string, fallback: string): string {
  const { hostname = '' } = URL.parse(url) ?? {}
  if (hostname === '' || /^[\d.:[\]]+$|^localhost$/.test(hostname)) return fallback
  const words = hostname.split('.').filter((part) => !/^(www|api|com|cn|net|org|io|ai|dev|app|co)$/.test(part))
  return words.at(-1) ?? fallback
}
