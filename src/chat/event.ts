import type { Annotation, AudioPart, Extras, Fields, FilePart, ImagePart } from './message.ts'

/**
 * `other` stands for an upstream's word that we do not know.
 * An upstream's `error` is thrown and is never a finish.
 */
export type FinishReason = 'stop' | 'length' | 'tool-calls' | 'content-filter' | 'other'

/** Tokens, as counted by `source`. An unknown number is absent, never zero. */
export interface Usage {
  /** All of the input, including what was read from a cache or written to one. */
  readonly inputTokens?: number
  /** The part of the input that was read from a cache. */
  readonly cachedInputTokens?: number
  /** The part of the input that was written to a cache. */
  readonly cacheWriteTokens?: number
  /** The part of those that was written for an hour, at upstreams where that costs more. */
  readonly longCacheWriteTokens?: number
  /** All of the output, including reasoning. */
  readonly outputTokens?: number
  readonly reasoningTokens?: number
  readonly totalTokens?: number
  readonly source: 'upstream' | 'estimate'
  /** The tokens that the upstream charges for, if it states them and they differ from the counts above. */
  readonly billed?: { readonly inputTokens?: number; readonly outputTokens?: number }
  /** What the upstream charges for the answer, in US dollars, if it states that. */
  readonly cost?: number
  /** The share of each member when several models gave one answer. */
  readonly shares?: readonly { readonly title: string; readonly usage: Usage }[]
  /** The upstream's own usage object, in the form of its dialect. */
  readonly native?: Native
}

/**
 * The parsed chunk, or whole reply, of the upstream that an event was made from. All events of one chunk carry the same
 * object, so an encoder of that dialect relays it once and skips its other events. A layer that changes or drops an event
 * must remove `native` from all events of that chunk.
 */
export interface Native {
  readonly dialect: string
  readonly form: 'chunk' | 'whole'
  readonly value: Fields
  /** The JSON that `value` was parsed from, unless `value` was changed since. */
  readonly json?: string
  /** The UTF-8 bytes of JSON that is too long to be kept as a text. They may be invalid. */
  readonly bytes?: Uint8Array
  /** Whether several events carry it. When it has `json`, only one event carries it unless this is true. */
  readonly isShared?: boolean
}

interface EventBase {
  /** The index of the choice, counted from 0. */
  readonly choice: number
  readonly native?: Native
}

/**
 * An event of a part. The parts of a choice are numbered from 0, in order, without gaps. The first event with a number opens
 * its part, and one `part-end` closes it before the choice's `finish`. One part is open at a time, unless an upstream
 * interleaves several tool calls.
 */
interface PartEvent extends EventBase {
  readonly part: number
  /** Log probabilities of its tokens, in OpenAI's shape: `{ content: [...], refusal: [...] }`. */
  readonly logprobs?: unknown
  /**
   * Fields that the part must have when it is sent back to the upstream. Later fields of a dialect replace its earlier ones, so
   * an event has all fields of its dialect so far.
   */
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

/** The model's reasoning grows by `text`. */
export interface ReasoningEvent extends PartEvent {
  readonly type: 'reasoning'
  readonly text: string
}

/** A tool call opens. */
export interface ToolCallEvent extends PartEvent {
  readonly type: 'tool-call'
  readonly id: string
  readonly name: string
}

/** The arguments of an open tool call grow by `json`. */
export interface ToolArgumentsEvent extends PartEvent {
  readonly type: 'tool-arguments'
  readonly json: string
}

/** A whole part: an image, a sound or a file. */
export interface FileEvent extends PartEvent {
  readonly type: 'file'
  readonly file: ImagePart | AudioPart | FilePart
}

/** A whole part: a tool call that the upstream runs itself. */
export interface ServerToolCallEvent extends PartEvent {
  readonly type: 'server-tool-call'
  readonly id: string
  readonly name: string
  /** JSON text. */
  readonly arguments: string
}

/** A whole part: the result of a tool call that the upstream ran itself. Its content stands in `extra`. */
export interface ServerToolResultEvent extends PartEvent {
  readonly type: 'server-tool-result'
  readonly toolCallId: string
  readonly isError?: boolean
}

/** A part is complete. The event has what belongs to the whole part: a signature, an encrypted form, annotations. */
export interface PartEndEvent extends PartEvent {
  readonly type: 'part-end'
  readonly annotations?: readonly Annotation[]
}

/** Counts the whole request. A later usage replaces an earlier one. */
export interface UsageEvent extends EventBase {
  readonly type: 'usage'
  readonly usage: Usage
}

/** The one end of a choice. Only `usage` may follow it. */
export interface FinishEvent extends EventBase {
  readonly type: 'finish'
  readonly reason: FinishReason
  /** The upstream's own word for it. */
  readonly raw?: string
  /** The stop sequence that ended the answer, if the upstream names it. */
  readonly stopSequence?: string
  /** Fields that the answer must have, in addition to its parts, when it is sent back to the upstream. */
  readonly extra?: Extras
}

/** The place at which an answer broke off and was continued. */
export interface Seam {
  /** The upstream whose answer broke off, if it is known. */
  readonly from?: string | undefined
  /** The upstream that went on. */
  readonly to: string
  /** The code of the failure. */
  readonly after: string
  /** `prefix`: the upstream was given the beginning as its own. `anchor`: the model was asked to repeat the end. `anew`: nothing of the answer had been shown. */
  readonly way: 'prefix' | 'anchor' | 'anew'
}

/** What follows was said by another answer, which continues this one. */
export interface SeamEvent extends EventBase {
  readonly type: 'seam'
  readonly seam: Seam
}

/** The seam in words that contain nothing of the answer. */
export function describeSeam({ from, to, after }: Seam): string {
  return `continued by ${to} after ${after}${from === undefined || from === to ? '' : ` of ${from}`}`
}

/** Carries a `native` chunk that has no other event, or tells the layers that the upstream is working. */
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
  | SeamEvent
  | ForeignEvent

/** True for an event of a part. */
export function isOfPart(event: ChatEvent): event is Extract<ChatEvent, { readonly part: number }> {
  return 'part' in event
}

/** True for an event that shows nothing to a client: an empty part, the end of a part, a chunk with only a role. */
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
