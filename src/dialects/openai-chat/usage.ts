import type { Usage } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { dialect } from './dialect.ts'
import { compact, isFields } from './fields.ts'
import type { WireReply, WireUsage } from './reply-schema.ts'

/** The usage of a reply, wherever it stands: Groq gives it beside, Moonshot within the choice. */
export function usageIn({ usage, x_groq, choices }: WireReply): Usage | undefined {
  const wire = usage ?? x_groq?.usage ?? choices?.find((choice) => choice.usage)?.usage
  // MiniMax has an empty one
  return wire && Object.keys(wire).length > 0 ? decodeUsage(wire) : undefined
}

/** Reads a usage object; what the upstream does not say is absent. */
function decodeUsage(wire: WireUsage): Usage {
  return {
    ...count('inputTokens', wire.prompt_tokens),
    ...count('outputTokens', wire.completion_tokens),
    ...count('totalTokens', wire.total_tokens),
    ...count('cachedInputTokens', wire.prompt_tokens_details?.cached_tokens),
    ...count('reasoningTokens', wire.completion_tokens_details?.reasoning_tokens),
    source: 'upstream',
    native: { dialect, form: 'whole', value: wire },
  }
}

function count(key: string, value: number | null | undefined): object {
  return typeof value === 'number' ? { [key]: value } : {}
}

/**
 * Writes usage as OpenAI has it: the upstream's own object where it spoke this dialect, with every field that it said
 * something in.
 */
export function encodeUsage(usage: Usage): Fields {
  if (usage.native?.dialect === dialect) return { ...counts(usage), ...withoutNulls(usage.native.value) }
  const { cachedInputTokens, reasoningTokens } = usage
  return compact({
    ...counts(usage),
    prompt_tokens_details: cachedInputTokens === undefined ? undefined : { cached_tokens: cachedInputTokens },
    completion_tokens_details: reasoningTokens === undefined ? undefined : { reasoning_tokens: reasoningTokens },
    // beyond OpenAI's: whose word it is, what is charged for, and whose share is how much
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

/** Zed takes a count for a number or nothing, here and in the details. */
function withoutNulls(usage: Fields): Fields {
  const members = Object.entries(said(usage))
  return Object.fromEntries(members.map(([key, member]) => [key, isFields(member) ? said(member) : member]))
}

function said(members: Fields): Fields {
  return Object.fromEntries(Object.entries(members).filter(([, member]) => member !== null))
}
