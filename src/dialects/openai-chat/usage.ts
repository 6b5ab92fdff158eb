import type { Usage } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { type CountedBeside, readCount, type StatedCounts, wholeCounts } from '../../chat/stated-usage.ts'
import { compact, isFields } from '../fields.ts'
import { statedCost } from '../stated-cost.ts'
import { dialect } from './dialect.ts'
import { isPlainUsage, type PlainUsage } from './plain-usage.ts'

/** Finds the usage of a reply. Groq puts it into `x_groq`, Moonshot into the choice, and Gemini calls it `usageMetadata`. */
export function usageIn({ usage, x_groq, usageMetadata }: Fields, choices: readonly Fields[]): Usage | undefined {
  if (isUsage(usage)) return decodeUsage(usage)
  if (isFields(x_groq) && isUsage(x_groq.usage)) return decodeUsage(x_groq.usage)
  for (const choice of choices) if (isUsage(choice.usage)) return decodeUsage(choice.usage)
  return isUsage(usageMetadata) ? decodeUsage(usageMetadata) : undefined
}

/** Whether a value is a usage object. MiniMax sends an empty one, which does not count, and neither does one of nulls. */
function isUsage(value: unknown): value is Fields {
  return isFields(value) && Object.values(value).some((member) => member !== null)
}

/** Reads a usage object. Unknown numbers are absent. */
export function decodeUsage(wire: Fields): Usage {
  return isPlainUsage(wire) ? decodePlain(wire) : decodeAny(wire)
}

function decodePlain(wire: PlainUsage): Usage {
  const cached = wire.prompt_tokens_details?.cached_tokens
  const reasoning = wire.completion_tokens_details?.reasoning_tokens
  return {
    ...(cached !== undefined && { cachedInputTokens: cached }),
    ...(reasoning !== undefined && { reasoningTokens: reasoning }),
    inputTokens: wire.prompt_tokens,
    outputTokens: wire.completion_tokens,
    totalTokens: wire.total_tokens,
    source: 'upstream',
    native: { dialect, form: 'whole', value: wire },
  }
}

function decodeAny(wire: Fields): Usage {
  const named = snakeCase(wire)
  return {
    ...wholeCounts({ ...inputCounts(named), ...outputCounts(named) }, countedBeside(named)),
    ...statedCost(named),
    source: 'upstream',
    native: { dialect, form: 'whole', value: wire },
  }
}

/** Counts that proxies of Anthropic and of Gemini keep separate, if they also pass on their names. */
function countedBeside(wire: Fields): CountedBeside {
  const hasAnthropicNames = 'cache_read_input_tokens' in wire || 'cache_creation_input_tokens' in wire
  return { cache: hasAnthropicNames && !('prompt_tokens' in wire), reasoning: 'candidates_token_count' in wire }
}

/** Reads the tokens of the input, by the names that services give them. */
function inputCounts(wire: Fields): StatedCounts {
  const details = { ...detailsIn(wire.input_tokens_details), ...detailsIn(wire.prompt_tokens_details) }
  return {
    inputTokens: largest(
      wire.prompt_tokens, // OpenAI
      wire.input_tokens, // Anthropic, and OpenAI's Responses
      total(wire.prompt_cache_hit_tokens, wire.prompt_cache_miss_tokens), // DeepSeek
      total(wire.prompt_token_count, wire.tool_use_prompt_token_count), // Gemini
    ),
    cachedInputTokens: largest(
      details.cached_tokens, // OpenAI
      wire.cached_tokens, // Moonshot
      wire.cache_read_input_tokens, // Anthropic
      wire.prompt_cache_hit_tokens, // DeepSeek
      wire.cached_content_token_count, // Gemini
    ),
    cacheWriteTokens: largest(
      details.cache_write_tokens, // OpenAI and OpenRouter
      details.cache_creation_tokens, // LiteLLM
      details.cache_creation_input_tokens, // Qwen
      wire.cache_creation_input_tokens, // Anthropic
    ),
  }
}

/** Reads the tokens of the output and the total, by the names that services give them. */
function outputCounts(wire: Fields): StatedCounts {
  const details = { ...detailsIn(wire.output_tokens_details), ...detailsIn(wire.completion_tokens_details) }
  return {
    outputTokens: largest(wire.completion_tokens, wire.output_tokens, wire.candidates_token_count),
    reasoningTokens: largest(
      details.reasoning_tokens, // OpenAI
      details.thinking_tokens, // Anthropic
      wire.reasoning_tokens, // Perplexity
      wire.thoughts_token_count, // Gemini
    ),
    totalTokens: largest(wire.total_tokens, wire.total_token_count),
  }
}

/** Gives the members the spelling of most services: `promptTokens` becomes `prompt_tokens`. */
function snakeCase(wire: Fields): Fields {
  const entries = Object.entries(wire)
  return Object.fromEntries(
    entries.map(([key, value]) => [key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
  )
}

function detailsIn(value: unknown): Fields {
  return isFields(value) ? snakeCase(value) : {}
}

/** Returns the largest value that is a count. Services that name one thing twice fill the other name with zero. */
function largest(...values: readonly unknown[]): number | undefined {
  const counts = values.map(readCount).filter((count) => count !== undefined)
  return counts.length === 0 ? undefined : Math.max(...counts)
}

/** Returns the sum of the values that are counts. */
function total(...values: readonly unknown[]): number | undefined {
  const counts = values.map(readCount).filter((count) => count !== undefined)
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0)
}

/**
 * Writes usage in OpenAI's form. If the upstream speaks this dialect, its own object is kept with every field that has a
 * value.
 */
export function encodeUsage(usage: Usage): Fields {
  const { native } = usage
  if (native?.dialect === dialect) return isPlainUsage(native.value) ? native.value : encodeNative(usage, native.value)
  const { cachedInputTokens, cacheWriteTokens, reasoningTokens } = usage
  const details = compact({ cached_tokens: cachedInputTokens, cache_write_tokens: cacheWriteTokens })
  return compact({
    ...counts(usage),
    prompt_tokens_details: Object.keys(details).length > 0 ? details : undefined,
    completion_tokens_details: reasoningTokens === undefined ? undefined : { reasoning_tokens: reasoningTokens },
    // our own fields: whether it is an estimate, what the upstream charges for, and the shares of the members
    estimated: usage.source === 'estimate' ? true : undefined,
    billed_units:
      usage.billed && compact({ input_tokens: usage.billed.inputTokens, output_tokens: usage.billed.outputTokens }),
    shares: usage.shares?.map(({ title, usage: share }) => ({ title, ...encodeUsage(share) })),
  })
}

/** Keeps the upstream's own numbers if they have OpenAI's names, and otherwise adds ours. */
function encodeNative(usage: Usage, native: Fields): Fields {
  const own = withoutOddities(native)
  const isOpenAi = own.prompt_tokens !== undefined && own.completion_tokens !== undefined
  return isOpenAi ? { ...counts(usage), ...own } : { ...own, ...counts(usage) }
}

function counts({ inputTokens, outputTokens, totalTokens }: Usage): Fields {
  const known = inputTokens !== undefined && outputTokens !== undefined
  return compact({
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: totalTokens ?? (known ? inputTokens + outputTokens : undefined),
  })
}

/** Removes members that are neither a number nor absent, because typed clients such as Zed refuse them. */
function withoutOddities(usage: Fields): Fields {
  const members = Object.entries(dropOddMembers(usage)).filter(
    ([key, member]) => !key.endsWith('_details') || isFields(member),
  )
  return Object.fromEntries(members.map(([key, member]) => [key, isFields(member) ? dropOddMembers(member) : member]))
}

function dropOddMembers(members: Fields): Fields {
  const entries = Object.entries(members).filter(
    ([key, member]) => member !== null && (!key.endsWith('_tokens') || readCount(member) !== undefined),
  )
  return Object.fromEntries(entries.map(([key, member]) => [key, key.endsWith('_tokens') ? readCount(member) : member]))
}
