/** A name that other programs use for a variable of ours. */
interface Spelling {
  readonly written: RegExp
  readonly meant: string
  /** If one of these names is set, the spelling does not mean our variable. */
  readonly unless?: readonly string[]
}

/**
 * If two spellings of one variable are set, the first in this list wins. A pattern may be wide, because a name that
 * the program does not read has no effect.
 */
const spellings: readonly Spelling[] = [
  { written: /^(MISTRAL|COHERE|AI21)_API_KEY(_\d+)?$/, meant: '$1_TOKEN$2' },
  // Cohere's own client
  { written: /^CO_API_KEY(_\d+)?$/, meant: 'COHERE_TOKEN$1' },
  // Google's own client, and the AI SDK
  { written: /^GOOGLE_API_KEY(_\d+)?$/, meant: 'GEMINI_API_KEY$1' },
  { written: /^GOOGLE_(?:GENERATIVE_AI|GEMINI|AI)_API_KEY(_\d+)?$/, meant: 'GEMINI_API_KEY$1' },
  { written: /^GROK_API_KEY(_\d+)?$/, meant: 'XAI_API_KEY$1' },
  { written: /^TOGETHER_?AI_API_KEY(_\d+)?$/, meant: 'TOGETHER_API_KEY$1' },
  { written: /^FIREWORKS_?AI_API_KEY(_\d+)?$/, meant: 'FIREWORKS_API_KEY$1' },
  { written: /^(?:PERPLEXITY_?AI|PPLX)_API_KEY(_\d+)?$/, meant: 'PERPLEXITY_API_KEY$1' },
  { written: /^(?:NVIDIA_NIM|NIM)_API_KEY(_\d+)?$/, meant: 'NVIDIA_API_KEY$1' },
  { written: /^(?:MOONSHOT_?AI|KIMI)_API_KEY(_\d+)?$/, meant: 'MOONSHOT_API_KEY$1' },
  { written: /^OLLAMA_(?:BASE_URL|API_BASE_URL|API_BASE|API_URL|URL|ENDPOINT)$/, meant: 'OLLAMA_HOST' },
  // an upstream may be called MY_API, or HOME_BASE
  {
    written: /^UPSTREAM_(\w+)_(?:API_KEY|APIKEY|API_TOKEN|TOKEN)(_\d+)?$/,
    meant: 'UPSTREAM_$1_KEY$2',
    unless: ['UPSTREAM_$1_API_URL'],
  },
  {
    written: /^UPSTREAM_(\w+)_(?:API_BASE_URL|BASE_URL|API_BASE|BASE|URI|ENDPOINT)$/,
    meant: 'UPSTREAM_$1_URL',
    unless: ['UPSTREAM_$1_BASE_KEY', 'UPSTREAM_$1_BASE_MODELS', 'UPSTREAM_$1_API_BASE_KEY'],
  },
  { written: /^([A-Z0-9]+)_(?:API_BASE_URL|API_BASE|BASE|API_URL|BASE_URI|ENDPOINT)$/, meant: '$1_BASE_URL' },
]

/**
 * Finds our variables that are set under other names.
 * @param set the names that are set
 * @returns for each of our names the spellings that are set; the first one counts
 */
export function findSpellings(set: ReadonlySet<string>): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  const usedNames = new Set<string>()
  for (const { written, meant, unless = [] } of spellings)
    for (const name of set) {
      if (usedNames.has(name) || !written.test(name)) continue
      if (unless.some((other) => set.has(name.replace(written, other)))) continue
      usedNames.add(name)
      const own = name.replace(written, meant)
      found.set(own, [...(found.get(own) ?? []), name])
    }
  return found
}
