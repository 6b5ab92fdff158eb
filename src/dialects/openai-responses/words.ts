import type { Fields } from '../../chat/message.ts'

type WordsKind = 'text' | 'refusal' | 'reasoning'

/** ItemWords of one content part of an item. */
export interface ItemWords {
  readonly kind: WordsKind
  /** The content part that they belong to. */
  readonly content: string
  readonly text: string
  /** Whether they are all words of the content part, and repeat those that came before. */
  readonly isWhole: boolean
  /** Log probabilities, if the service gives any. */
  readonly logprobs?: readonly unknown[]
}

/** Where the types of events and of content parts have their words. */
interface WordsPlace {
  readonly kind: WordsKind
  /** The member that has the words. */
  readonly member: string
  readonly isWhole?: true
  readonly isSummary?: true
}

/** OpenAI, Responses API, streaming events. Open Responses has the older names `response.reasoning.delta` and `.done` */
const places: ReadonlyMap<unknown, WordsPlace> = new Map<unknown, WordsPlace>([
  ['response.output_text.delta', { kind: 'text', member: 'delta' }],
  ['response.output_text.done', { kind: 'text', member: 'text', isWhole: true }],
  ['output_text', { kind: 'text', member: 'text', isWhole: true }],
  ['response.refusal.delta', { kind: 'refusal', member: 'delta' }],
  ['response.refusal.done', { kind: 'refusal', member: 'refusal', isWhole: true }],
  ['refusal', { kind: 'refusal', member: 'refusal', isWhole: true }],
  ['response.reasoning_summary_text.delta', { kind: 'reasoning', member: 'delta', isSummary: true }],
  ['response.reasoning_summary_text.done', { kind: 'reasoning', member: 'text', isSummary: true, isWhole: true }],
  ['summary_text', { kind: 'reasoning', member: 'text', isSummary: true, isWhole: true }],
  ['response.reasoning_text.delta', { kind: 'reasoning', member: 'delta' }],
  ['response.reasoning_text.done', { kind: 'reasoning', member: 'text', isWhole: true }],
  ['response.reasoning.delta', { kind: 'reasoning', member: 'delta' }],
  ['response.reasoning.done', { kind: 'reasoning', member: 'text', isWhole: true }],
  ['reasoning_text', { kind: 'reasoning', member: 'text', isWhole: true }],
])

/** Reads the words of an event, or of a content part; undefined if it has none. */
export function wordsIn(value: Fields): ItemWords | undefined {
  const place = places.get(value.type)
  if (!place) return undefined
  const { kind, member, isWhole = false, isSummary } = place
  const text = value[member]
  const logprobs: readonly unknown[] = Array.isArray(value.logprobs) && kind === 'text' ? value.logprobs : []
  return {
    kind,
    content: isSummary ? contentOf('summary', value.summary_index) : contentOf(kind, value.content_index),
    text: typeof text === 'string' ? text : '',
    isWhole,
    ...(logprobs.length > 0 && { logprobs }),
  }
}

/** The name of a content part within its item. */
export function contentOf(kind: WordsKind | 'summary', index: unknown): string {
  return `${kind} ${typeof index === 'number' ? index : 0}`
}
