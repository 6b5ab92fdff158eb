import type { Extras, Fields } from './message.ts'

/**
 * `other` is an end the upstream named in a word we do not know; it is an end all the same.
 * An upstream's `error` is never a finish: it is thrown.
 */
export type FinishReason = 'stop' | 'length' | 'tool-calls' | 'content-filter' | 'other'

/** Where a text comes from: a URL, a document handed in, or a tool's output. Offsets count UTF-16 units of the answer. */
export interface Annotation {
  readonly url?: string
  readonly title?: string
  readonly start?: number
  readonly end?: number
  readonly extra?: Fields
}

/** Tokens, as counted by `source`. A number that is not known is absent, never zero. */
export interface Usage {
  readonly inputTokens?: number
  readonly outputTokens?: number
  readonly totalTokens?: number
  readonly cachedInputTokens?: number
  readonly reasoningTokens?: number
  readonly source: 'upstream' | 'estimate'
  /** What the upstream charges for, where it says so and it is not what was counted. */
  readonly billed?: { readonly inputTokens?: number; readonly outputTokens?: number }
  /** Of an answer that several gave: whose share is how much. */
  readonly shares?: readonly { readonly title: string; readonly usage: Usage }[]
  /** The usage object as the dialect `native.dialect` had it. */
  readonly native?: Native
}

/**
 * The upstream's own chunk (or whole reply) an event was made from, parsed. Every event made from one chunk carries
 * the same object, so that an encoder of that dialect relays it once and passes over its other events; a layer that
 * changes or drops an event takes `native` off all events of that chunk.
 */
export interface Native {
  readonly dialect: string
  readonly form: 'chunk' | 'whole'
  readonly value: Fields
  /** The JSON `value` was parsed from, where it is still the same. */
  readonly json?: string
  /** Whether several events carry it; one with its JSON is carried by one event unless this says otherwise. */
  readonly isShared?: boolean
}

interface EventBase {
  /** Which of several answers side by side; 0 where there is one. */
  readonly choice: number
  readonly native?: Native
}

/** The answer grows by `text`, which may be empty where an upstream's chunk says nothing the vocabulary has a word for. */
export interface TextEvent extends EventBase {
  readonly type: 'text'
  readonly text: string
  /** True when the text is the model's refusal rather than its answer. */
  readonly refusal?: boolean
  readonly annotations?: readonly Annotation[]
  /** True when `native` says something the vocabulary has no word for, such as a picture: an empty text then shows something. */
  readonly isForeign?: boolean
  /** Log probabilities in OpenAI's shape: `{ content: [...], refusal: [...] }`. */
  readonly logprobs?: unknown
}

/** What the model thinks aloud. */
export interface ReasoningEvent extends EventBase {
  readonly type: 'reasoning'
  readonly text: string
  /** What a `ReasoningPart` needs beside its text to be handed back as it came. */
  readonly extra?: Fields
}

/** A call opens. `index` counts the choice's calls from 0, in order, without gaps. */
export interface ToolCallEvent extends EventBase {
  readonly type: 'tool-call'
  readonly index: number
  readonly id: string
  readonly name: string
  /** What the call has to be handed back with. */
  readonly extra?: Extras
}

/** The JSON of an open call's arguments grows by `json`. */
export interface ToolArgumentsEvent extends EventBase {
  readonly type: 'tool-arguments'
  readonly index: number
  readonly json: string
  /** What the call has to be handed back with, in place of what was said of it before. */
  readonly extra?: Extras
}

/** Counts the whole request; the last one holds. */
export interface UsageEvent extends EventBase {
  readonly type: 'usage'
  readonly usage: Usage
}

/** The one end of a choice: only `usage` may follow it. */
export interface FinishEvent extends EventBase {
  readonly type: 'finish'
  readonly reason: FinishReason
  /** What the answer has to be handed back with, beside its text, its thoughts and its calls: signatures, for one. */
  readonly extra?: Extras
}

export type ChatEvent = TextEvent | ReasoningEvent | ToolCallEvent | ToolArgumentsEvent | UsageEvent | FinishEvent

/** True for an event that shows a client nothing yet: an empty text, such as a chunk with only a role makes. */
export function isBlank(event: ChatEvent): boolean {
  if (event.type !== 'text' || event.text !== '' || event.isForeign) return false
  return !event.annotations && event.logprobs === undefined
}
