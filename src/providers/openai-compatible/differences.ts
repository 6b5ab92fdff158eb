import type { Support } from '../../chat/model.ts'
import type { Parameter } from '../../chat/request.ts'
import { dialect } from '../../dialects/openai-chat/dialect.ts'
import { openaiToolBounds } from '../../dialects/openai-chat/tool-bounds.ts'

/** The differences of a service from OpenAI's own. Each fact names its source. Everything else is sent unchanged. */
export interface Differences
  extends Pick<Support, 'names' | 'ranges' | 'words' | 'formats' | 'exceptions' | 'lacksFields' | 'toolBounds'> {
  /** Parameters that it refuses or ignores. A request for such tools or formats is refused; others are dropped. */
  readonly lacks?: readonly Parameter[]
  /** Whether it refuses a `name` in a message. */
  readonly refusesNames?: boolean
  /** Whether it refuses calls of other models that do not say so. */
  readonly refusesForeignCalls?: boolean
  /** Limit for the inputs of one request for embeddings. */
  readonly maxInputs?: number
  /** Milliseconds for which it keeps a prompt in a cache after its last use, where it says so. */
  readonly cacheMs?: number
}

const [minuteMs, hourMs] = [60_000, 3_600_000]

export const differences: Readonly<Record<string, Differences>> = {
  // developers.openai.com/api/docs/guides/prompt-caching: 5 to 10 minutes of inactivity, at most an hour
  openai: { toolBounds: openaiToolBounds, cacheMs: hourMs },

  // openrouter.ai/docs/guides/best-practices/prompt-caching: it stays with a provider until 10 minutes of inactivity
  openrouter: { cacheMs: 10 * minuteMs },

  // console.groq.com/docs/openai: 400 for these, and for `n` over 1; …/docs/api-reference: "A max of 128 functions"
  groq: {
    lacks: ['logprobs', 'topLogprobs'],
    lacksFields: ['logit_bias'],
    refusesNames: true,
    toolBounds: { maxTools: 128 },
    // console.groq.com/docs/prompt-caching: 2 hours without use
    cacheMs: 2 * hourMs,
  },

  // inference-docs.cerebras.ai/resources/openai: the service answers these with 400
  cerebras: {
    lacks: ['frequencyPenalty', 'presencePenalty', 'parallelToolCalls', 'serviceTier'],
    lacksFields: ['logit_bias'],
  },

  // api-docs.deepseek.com/api/create-chat-completion: only `max_tokens`, only the formats text and json_object, and at most
  // 128 functions; …/guides/reasoning_model: parameters that the reasoner ignores, and log probabilities, which it refuses
  deepseek: {
    names: { maxTokens: 'max_tokens' },
    lacks: ['seed', 'parallelToolCalls', 'metadata', 'serviceTier'],
    lacksFields: ['logit_bias'],
    formats: ['text', 'json'],
    toolBounds: { maxTools: 128 },
    // api-docs.deepseek.com/guides/kv_cache: a few hours to a few days
    cacheMs: 4 * hourMs,
    exceptions: [
      {
        models: /reasoner/,
        lacks: ['temperature', 'topP', 'frequencyPenalty', 'presencePenalty', 'logprobs', 'topLogprobs'],
      },
    ],
  },

  // `Unknown name "…": Cannot find field.` n4ze3m/page-assist#418, Vali-98/ChatterUI#227, BerriAI/litellm#4333
  // ai.google.dev/gemini-api/docs/thought-signatures: it refuses calls without a signature
  // `at most 100 requests can be in one batch`
  gemini: {
    lacks: ['frequencyPenalty', 'presencePenalty', 'seed'],
    lacksFields: ['logit_bias'],
    refusesForeignCalls: true,
    maxInputs: 100,
  },

  // docs.x.ai, Reasoning: every reasoning model refuses these three; these are the names of such models
  xai: {
    exceptions: [
      {
        models: /^(?!.*non-reasoning)grok-(3-mini|4|code|build)/,
        lacks: ['frequencyPenalty', 'presencePenalty', 'stop'],
      },
    ],
  },

  // togethercomputer/openapi, openapi.yaml, ChatCompletionRequest: only `max_tokens`, three efforts, and none of these four
  together: {
    names: { maxTokens: 'max_tokens' },
    lacks: ['parallelToolCalls', 'metadata', 'serviceTier', 'user'],
    words: { reasoningEffort: { minimal: 'low', xhigh: 'high', max: 'high' } },
  },

  // fw-ai-external/python-sdk, completion_create_params.py: the efforts are `low`, `medium`, `high` and `none`
  fireworks: { words: { reasoningEffort: { minimal: 'low', xhigh: 'high', max: 'high' } } },

  // docs.perplexity.ai, Sonar: the service searches itself, and does not call a client's tools
  perplexity: {
    lacks: ['tools', 'toolChoice', 'parallelToolCalls'],
    lacksFields: ['functions', 'function_call', 'logit_bias'],
  },

  // platform.moonshot.cn/docs/guide/migrating-from-openai-to-kimi: temperature up to 1; …/docs/api/tool-use: 128 tools
  moonshot: { ranges: { temperature: { min: 0, max: 1 } }, toolBounds: { maxTools: 128 } },

  // sambanova/sambanova-python, completion_create_params.py: "not yet supported by our models"
  sambanova: { lacks: ['logprobs', 'topLogprobs', 'seed'], lacksFields: ['logit_bias'] },

  // docs.ollama.com/api/openai-compatibility: the fields that it supports; it silently ignores others
  ollama: {
    names: { maxTokens: 'max_tokens' },
    lacks: ['parallelToolCalls', 'metadata', 'serviceTier', 'user'],
    lacksFields: ['logit_bias'],
  },
}

/** The support of a service with these differences. */
export function supportWith(manyChoices: boolean, { lacks = [], names, ...others }: Differences): Support {
  const parameters: Support['parameters'] = { ...all, choices: manyChoices ? 'honoured' : 'emulated' }
  const renamed = Object.keys(names ?? {}).map((parameter) => [parameter, 'mapped'])
  const supported = Object.entries({ ...parameters, ...Object.fromEntries(renamed) })
  const { refusesNames: _, refusesForeignCalls: _calls, maxInputs: _inputs, ...asTheyAre } = others
  return {
    parameters: Object.fromEntries(supported.filter(([parameter]) => !lacks.some((lacking) => lacking === parameter))),
    extraOf: dialect,
    ...asTheyAre,
    ...(names && { names }),
  }
}

const all: Support['parameters'] = {
  tools: 'honoured',
  toolChoice: 'honoured',
  parallelToolCalls: 'honoured',
  responseFormat: 'honoured',
  temperature: 'honoured',
  topP: 'honoured',
  maxTokens: 'honoured',
  stop: 'honoured',
  seed: 'honoured',
  frequencyPenalty: 'honoured',
  presencePenalty: 'honoured',
  logprobs: 'honoured',
  topLogprobs: 'honoured',
  reasoningEffort: 'honoured',
  user: 'honoured',
  metadata: 'honoured',
  serviceTier: 'honoured',
}
