import type { Annotation, AudioPart, Extras, Fields, FilePart, ImagePart } from './message.ts'

/**
 * `other` is an end the upstream named in a word we do not know; it is an end all the same.
 * An upstream's `error` is never a finish: it is thrown.
 */
export type FinishReason = 'stop' | 'length' | 'tool-calls' | 'content-filter' | 'other'

/** Tokens, as counted by `source`. A number that is not known is absent, never zero. */
export interface Usage {
  /** All of the input: what was read from a cache, and what was written to one, included. */
  readonly inputTokens?: number
  /** Of the input, what was read from a cache. */
  readonly cachedInputTokens?: number
  /** Of the input, what was written to a cache. */
  readonly cacheWriteTokens?: number
  /** All of the output: what was thought included. */
  readonly outputTokens?: number
  readonly reasoningTokens?: number
  readonly totalTokens?: number
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

/**
 * An event of a part. The parts of a choice are counted from 0, in order, without gaps; the first event with a number opens
 * its part, and `part-end` closes it, once, before the choice's `finish`. One part is open at a time, unless an upstream
 * lets several tool calls grow in turns.
 */
interface PartEvent extends EventBase {
  readonly part: number
  /** Log probabilities of its tokens, in OpenAI's shape: `{ content: [...], refusal: [...] }`. */
  readonly logprobs?: unknown
  /** What its part has to be handed back with, so far. */
  readonly extra?: Extras
}

/** A text grows by `text`, which may be empty. */
export interface TextEvent extends PartEvent {
  readonly type: 'text'
  readonly text: string
  readonly annotations?: readonly Annotation[]
}

/** The model's refusal grows by `text`. */
export interface RefusalEvent extends PartEvent {
  readonly type: 'refusal'
  readonly text: string
}

/** What the model thinks aloud grows by `text`. */
export interface ReasoningEvent extends PartEvent {
  readonly type: 'reasoning'
  readonly text: string
}

/** A call opens. */
export interface ToolCallEvent extends PartEvent {
  readonly type: 'tool-call'
  readonly id: string
  readonly name: string
}

/** The JSON of an open call's arguments grows by `json`. */
export interface ToolArgumentsEvent extends PartEvent {
  readonly type: 'tool-arguments'
  readonly json: string
}

/** A whole part: a picture, a sound or a file. */
export interface FileEvent extends PartEvent {
  readonly type: 'file'
  readonly file: ImagePart | AudioPart | FilePart
}

/** A whole part: a call that the upstream runs itself. */
export interface ServerToolCallEvent extends PartEvent {
  readonly type: 'server-tool-call'
  readonly id: string
  readonly name: string
  /** JSON text. */
  readonly arguments: string
}

/** A whole part: the result of a call that the upstream ran itself, of which only its dialect can say more. */
export interface ServerToolResultEvent extends PartEvent {
  readonly type: 'server-tool-result'
  readonly toolCallId: string
  readonly isError?: boolean
}

/** A part is complete. Brings what belongs to it as a whole: its signature, its encrypted form, its annotations. */
export interface PartEndEvent extends PartEvent {
  readonly type: 'part-end'
  readonly annotations?: readonly Annotation[]
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
  /** The upstream's own word for it. */
  readonly raw?: string
  /** The stop sequence that the answer ended at, where the upstream names it. */
  readonly stopSequence?: string
  /** What the answer has to be handed back with, beside its parts. */
  readonly extra?: Extras
}

/** Carries `native` that the vocabulary has no word for, or tells the layers that the upstream is at work. */
export interface ForeignEvent extends EventBase {
  readonly type: 'foreign'
  /** True when `native` shows something to a client of its dialect, such as a sound. */
  readonly isShown: boolean
}

export type ChatEvent =
  | TextEvent
  | RefusalEvent
  | ReasoningEvent
  | ToolCallEvent
  | ToolArgumentsEvent
  | FileEvent
  | ServerToolCallEvent
  | ServerToolResultEvent
  | PartEndEvent
  | UsageEvent
  | FinishEvent
  | ForeignEvent

/** True for an event of a part. */
export function isOfPart(event: ChatEvent): event is Extract<ChatEvent, { readonly part: number }> {
  return 'part' in event
}

/** True for an event that shows a client nothing yet: a part that opens empty, an end of a part, a chunk with only a role. */
export function isBlank(event: ChatEvent): boolean {
  switch (event.type) {
    case 'text':
      return event.text === '' && !event.annotations && event.logprobs === undefined
    case 'refusal':
    case 'reasoning':
      return event.text === '' && event.logprobs === undefined
    case 'part-end':
      return !event.annotations
    case 'foreign':
      return !event.isShown
    default:
      return false
  }
}
