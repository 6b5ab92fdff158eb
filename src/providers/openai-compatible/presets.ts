/** A well-known service that only needs a key. */
export interface Preset {
  readonly name: string
  /** The base URL with its version path, as for the OpenAI SDKs. */
  readonly url: string
  /** The prefix of its variables: `GROQ` for `GROQ_API_KEY`, `GROQ_BASE_URL`, `GROQ_MODELS`. */
  readonly prefix: string
  /** Whether one request may ask it for several choices; otherwise the gateway sends a request for each choice. */
  readonly manyChoices?: boolean
  /** Whether it has another API than Chat Completions, so that `<PREFIX>_API` may choose one. */
  readonly hasOtherApi?: boolean
}

/** Base URLs from the services' own documentation for OpenAI clients (November 2026). */
export const presets: readonly Preset[] = [
  { name: 'openai', url: 'https://api.openai.com/v1', prefix: 'OPENAI', manyChoices: true, hasOtherApi: true },
  { name: 'groq', url: 'https://api.groq.com/openai/v1', prefix: 'GROQ', hasOtherApi: true },
  { name: 'deepseek', url: 'https://api.deepseek.com/v1', prefix: 'DEEPSEEK', hasOtherApi: true },
  { name: 'openrouter', url: 'https://openrouter.ai/api/v1', prefix: 'OPENROUTER', hasOtherApi: true },
  { name: 'gemini', url: 'https://generativelanguage.googleapis.com/v1beta/openai', prefix: 'GEMINI' },
  { name: 'xai', url: 'https://api.x.ai/v1', prefix: 'XAI', hasOtherApi: true },
  { name: 'together', url: 'https://api.together.xyz/v1', prefix: 'TOGETHER' },
  { name: 'cerebras', url: 'https://api.cerebras.ai/v1', prefix: 'CEREBRAS' },
  { name: 'fireworks', url: 'https://api.fireworks.ai/inference/v1', prefix: 'FIREWORKS' },
  { name: 'perplexity', url: 'https://api.perplexity.ai', prefix: 'PERPLEXITY' },
  { name: 'moonshot', url: 'https://api.moonshot.ai/v1', prefix: 'MOONSHOT', hasOtherApi: true },
  { name: 'nvidia', url: 'https://integrate.api.nvidia.com/v1', prefix: 'NVIDIA' },
  { name: 'sambanova', url: 'https://api.sambanova.ai/v1', prefix: 'SAMBANOVA' },
]

/**
 * The default headers of each preset that has a variable `<PREFIX>_HEADERS`. The variable adds headers or replaces
 * these. `X-Title` and `HTTP-Referer` tell OpenRouter which program sends the request: OpenRouter, App Attribution
 */
export const headersOf: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  openai: {},
  openrouter: { 'x-title': 'tributary' },
}
