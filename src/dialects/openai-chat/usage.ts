import type { Usage } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { dialect } from './dialect.ts'
import { compact, isFields } from './fields.ts'

/** Finds the usage of a reply. Groq puts it into `x_groq`, Moonshot into the choice. */
export function usageIn({ usage, x_groq }: Fields, choices: readonly Fields[]): Usage | undefined {
  if (isUsage(usage)) return decodeUsage(usage)
  if (isFields(x_groq) && isUsage(x_groq.usage)) return decodeUsage(x_groq.usage)
  for (const choice of choices) if (isUsage(choice.usage)) return decodeUsage(choice.usage)
  return undefined
}

/** Whether a value is a usage object. MiniMax sends an empty one, which does not count. */
function isUsage(value: unknown): value is Fields {
  return isFields(value) && Object.keys(value).length > 0
}

/** Reads a usage object. Unknown numbers are absent. */
function decodeUsage(wire: Fields): Usage {
  const { completion_tokens_details: completion } = wire
  return {
    ...inputOf(wire),
    ...count('outputTokens', wire.completion_tokens),
    ...count('totalTokens', wire.total_tokens),
    ...(isFields(completion) && count('reasoningTokens', completion.reasoning_tokens)),
    source: 'upstream',
    native: { dialect, form: 'whole', value: wire },
  }
}

/** Reads the tokens of the input and of the cache, under the names of OpenAI, OpenRouter, DeepSeek and Anthropic. */
function inputOf(wire: Fields): Pick<Usage, 'inputTokens' | 'cachedInputTokens' | 'cacheWriteTokens'> {
  const details = isFields(wire.prompt_tokens_details) ? wire.prompt_tokens_details : {}
  const read = firstCount(details.cached_tokens, wire.cache_read_input_tokens, wire.prompt_cache_hit_tokens)
  const written = firstCount(details.cache_write_tokens, wire.cache_creation_input_tokens)
  const input = tokensIn(wire.prompt_tokens)
  const ofCache = (read ?? 0) + (written ?? 0)
  // a gateway in front of an Anthropic model may leave cached tokens out of the input, as Anthropic does
  const whole = input !== undefined && ofCache > input ? input + ofCache : input
  return { ...count('inputTokens', whole), ...count('cachedInputTokens', read), ...count('cacheWriteTokens', written) }
}

/** Returns the first value that is a count. */
function firstCount(...values: readonly unknown[]): number | undefined {
  return values.map(tokensIn).find((tokens) => tokens !== undefined)
}

function count(key: string, value: unknown): object {
  const tokens = tokensIn(value)
  return tokens === undefined ? {} : { [key]: tokens }
}

/** Reads a number of tokens, which may be written as text. */
function tokensIn(value: unknown): number | undefined {
  const tokens = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
  return typeof tokens === 'number' && tokens >= 0 ? tokens : undefined
}

/**
 * Writes usage in OpenAI's form. If the upstream speaks this dialect, its own object is kept with every field that has a
 * value.
 */
export function encodeUsage(usage: Usage): Fields {
  if (usage.native?.dialect === dialect) return { ...counts(usage), ...withoutOddities(usage.native.value) }
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
    ([key, member]) => member !== null && (!key.endsWith('_tokens') || tokensIn(member) !== undefined),
  )
  return Object.fromEntries(entries.map(([key, member]) => [key, key.endsWith('_tokens') ? tokensIn(member) : member]))
}
