import type { Attributes } from '@opentelemetry/api'
import type { FinishReason, Usage } from '../chat/event.ts'
import { operationName } from '../chat/operation-name.ts'
import type { Parameters } from '../chat/request.ts'
import type { TracedAttempt } from '../flow/span.ts'
import { putAttribute } from './put-attribute.ts'

/** OpenTelemetry's names of services that we call otherwise. Semantic conventions 1.45, registry `gen_ai.provider.name` */
const providerNames: Readonly<Record<string, string>> = {
  mistral: 'mistral_ai',
  xai: 'x_ai',
  gemini: 'gcp.gemini',
}

/** What is known of an attempt when it begins. */
export function attemptAttributes(attempt: TracedAttempt): Attributes {
  const { upstream, account, model, request } = attempt
  const attributes: Attributes = {
    'gen_ai.operation.name': operationName(request.task),
    'gen_ai.provider.name': providerNames[upstream] ?? upstream,
    'gen_ai.request.model': model,
    'tributary.upstream': upstream,
  }
  if (account !== undefined) attributes['tributary.account'] = account
  if (request.stream) attributes['gen_ai.request.stream'] = true
  if (request.parameters) addParameters(attributes, request.parameters)
  return attributes
}

const parameterNames = {
  temperature: 'gen_ai.request.temperature',
  topP: 'gen_ai.request.top_p',
  maxTokens: 'gen_ai.request.max_tokens',
  seed: 'gen_ai.request.seed',
  frequencyPenalty: 'gen_ai.request.frequency_penalty',
  presencePenalty: 'gen_ai.request.presence_penalty',
} as const satisfies Partial<Record<keyof Parameters, string>>

const numbers: readonly (keyof typeof parameterNames)[] = [
  'temperature',
  'topP',
  'maxTokens',
  'seed',
  'frequencyPenalty',
  'presencePenalty',
]

/** Adds the numbers only: a stop sequence is a text of the client. */
function addParameters(attributes: Attributes, parameters: Parameters): void {
  for (const name of numbers) {
    const value = parameters[name]
    if (value !== undefined) attributes[parameterNames[name]] = value
  }
  const { choices = 1, responseFormat } = parameters
  if (choices > 1) attributes['gen_ai.request.choice.count'] = choices
  if (responseFormat) attributes['gen_ai.output.type'] = responseFormat.type === 'text' ? 'text' : 'json'
}

/** What the upstream counts. Estimates are not added, because a sum over spans must not mix the two. */
export function addUsage(attributes: Attributes, usage: Usage): void {
  if (usage.source !== 'upstream') return
  putAttribute(attributes, 'gen_ai.usage.input_tokens', usage.inputTokens)
  putAttribute(attributes, 'gen_ai.usage.output_tokens', usage.outputTokens)
  putAttribute(attributes, 'gen_ai.usage.cache_read.input_tokens', usage.cachedInputTokens)
  putAttribute(attributes, 'gen_ai.usage.cache_creation.input_tokens', usage.cacheWriteTokens)
  putAttribute(attributes, 'gen_ai.usage.reasoning.output_tokens', usage.reasoningTokens)
}

const finishReasons: Readonly<Record<FinishReason, string>> = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_call',
  'content-filter': 'content_filter',
  other: 'other',
}

/** The convention's word for a finish reason. */
export function finishWord(reason: FinishReason): string {
  return finishReasons[reason]
}
