import { keyVariableOf, labelOf, type ModelService, usualUrlOf } from './services.ts'

/** LiteLLM's prefix of a model, and the upstream here. Docs, Providers. */
const upstreamOf: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      'openai',
      'groq',
      'deepseek',
      'openrouter',
      'gemini',
      'xai',
      'cerebras',
      'perplexity',
      'moonshot',
      'sambanova',
    ].map((name) => [name, name]),
  ),
  ...{ together_ai: 'together', fireworks_ai: 'fireworks', nvidia_nim: 'nvidia', anthropic: 'anthropic' },
  ...{ cohere: 'cohere', cohere_chat: 'cohere', ai21: 'ai21', ai21_chat: 'ai21', mistral: 'mistral' },
  ...{ 'text-completion-openai': 'openai', responses: 'openai' },
}

/** Prefixes of servers that speak OpenAI's dialect at an address of their own. */
const compatible = new Set([
  ...['hosted_vllm', 'vllm', 'custom_openai', 'openai_like', 'litellm_proxy', 'lm_studio', 'llamafile', 'xinference'],
  ...['infinity', 'oobabooga', 'docker_model_runner', 'lemonade'],
])

/** Services whose requests are signed, or whose dialect this gateway does not speak. */
const signed = new Set(['bedrock', 'vertex_ai', 'vertex_ai_beta', 'sagemaker', 'watsonx', 'azure_ai'])

export interface LitellmModel {
  readonly service: ModelService
  readonly model: string
}

/** Where LiteLLM would send a model. @returns a sentence if this gateway cannot send it there */
export function litellmService(written: string, base: string | undefined, apiVersion: unknown): LitellmModel | string {
  const [provider = '', ...rest] = written.split('/')
  // without a prefix LiteLLM knows the names of OpenAI's and Anthropic's models
  if (rest.length === 0)
    return litellmService(`${written.startsWith('claude') ? 'anthropic' : 'openai'}/${written}`, base, apiVersion)
  const model = rest.join('/')
  if (provider === 'azure') return azureService(model, base, apiVersion)
  if (provider === 'ollama' || provider === 'ollama_chat')
    return { model, service: addressOf(`${trimmed(base ?? 'http://localhost:11434')}/v1`, { label: 'ollama' }) }
  if (signed.has(provider)) return `${provider} needs requests that are made in another way: see docs/upstreams.md.`
  const upstream = Object.hasOwn(upstreamOf, provider) ? upstreamOf[provider] : undefined
  if (upstream !== undefined && isUsual(upstream, base))
    return { model, service: { upstream, api: apiOf(upstream), label: upstream } }
  if (base === undefined) return `The provider ${provider} is not known here, and no api_base says where it is.`
  if (upstream === undefined && !compatible.has(provider))
    return `It is not known whether ${provider} speaks OpenAI's dialect at its api_base.`
  const api = upstream === undefined ? 'chat' : apiOf(upstream)
  return { model, service: addressOf(trimmed(base), { api, label: upstream ?? provider }) }
}

function apiOf(upstream: string): ModelService['api'] {
  return upstream === 'anthropic' ? 'messages' : 'chat'
}

function isUsual(upstream: string, base: string | undefined): boolean {
  if (keyVariableOf(upstream) === undefined) return false
  return base === undefined || trimmed(base) === usualUrlOf(upstream)
}

/** Each deployment is an address of its own (Azure OpenAI, REST API reference). */
function azureService(model: string, base: string | undefined, apiVersion: unknown): LitellmModel | string {
  if (base === undefined) return 'An Azure model needs its api_base.'
  const version = typeof apiVersion === 'string' ? apiVersion : '2024-10-21'
  const url = `${trimmed(base)}/openai/deployments/${model}?api-version=${version}`
  return {
    model,
    service: { url, api: 'chat', label: `azure-${URL.parse(base)?.hostname.split('.')[0] ?? 'other'}-${model}` },
  }
}

function addressOf(
  url: string,
  { api = 'chat', label }: { readonly api?: ModelService['api']; readonly label: string },
): ModelService {
  return { url, api, label: labelOf(url, label) }
}

function trimmed(url: string): string {
  return url.replace(/\/+$/, '')
}
