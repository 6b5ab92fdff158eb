import type { Fields } from '../../chat/message.ts'
import { isFields, rest } from '../fields.ts'
import { wholeCharacters } from './characters.ts'
import type { WireChoice, WireDelta } from './wire-reply.ts'

export interface Texts {
  readonly text: string
  readonly thinking: string
  readonly refusal: string
}

/** The texts that a delta adds to an answer, in whole characters. */
export interface Contents extends Texts {
  /** The members to relay in place of the delta's own, if those had to be repaired. */
  readonly rewritten: object | undefined
}

/** The high surrogates at the ends of the last deltas, which wait for their other halves. */
export interface PendingSurrogates {
  text: string
  thinking: string
  refusal: string
}

export function noPendingSurrogates(): PendingSurrogates {
  return { text: '', thinking: '', refusal: '' }
}

/** Reads the texts of a delta, and joins surrogates with those of earlier deltas. */
export function readContents(delta: WireDelta, halves: PendingSurrogates): Contents {
  const said = { text: textOf(delta), thinking: thinkingOf(delta), refusal: delta.refusal ?? '' }
  const text = joinHalves(halves, 'text', said.text)
  const thinking = joinHalves(halves, 'thinking', said.thinking)
  const refusal = joinHalves(halves, 'refusal', said.refusal)
  const isWell =
    isTextOrNone(delta.content) && text === said.text && thinking === said.thinking && refusal === said.refusal
  return { text, thinking, refusal, rewritten: isWell ? undefined : rewrite(delta, { text, thinking, refusal }) }
}

/** Takes the surrogates that are left at the end of an answer, as U+FFFD. Returns undefined if there are none. */
export function takeHalves(halves: PendingSurrogates): Texts | undefined {
  if (halves.text === '' && halves.thinking === '' && halves.refusal === '') return undefined
  const { text, thinking, refusal } = halves
  Object.assign(halves, noPendingSurrogates())
  return { text: text.toWellFormed(), thinking: thinking.toWellFormed(), refusal: refusal.toWellFormed() }
}

/** Writes the texts as members of a delta, each under its original name. */
export function rewriteContents(delta: WireDelta, before: Texts, last: Texts): object {
  return rewrite(delta, {
    text: before.text + last.text,
    thinking: before.thinking + last.thinking,
    refusal: before.refusal + last.refusal,
  })
}

function joinHalves(halves: PendingSurrogates, kind: keyof PendingSurrogates, text: string): string {
  if (text === '') return text
  const found = wholeCharacters(halves[kind], text)
  halves[kind] = found.half
  return found.text
}

function rewrite(delta: WireDelta, { text, thinking, refusal }: Texts): object {
  const isReasoning = typeof delta.reasoning === 'string' && delta.reasoning !== ''
  const isContent = Boolean(delta.reasoning_content) || (thinking !== '' && !isReasoning)
  return {
    ...((text !== '' || delta.content !== undefined) && { content: text }),
    ...(isContent && { reasoning_content: thinking }),
    ...(isReasoning && { reasoning: thinking }),
    ...((refusal !== '' || delta.refusal) && { refusal }),
  }
}

function isTextOrNone(content: unknown): boolean {
  return typeof content === 'string' || content === null || content === undefined
}

/** Returns the content as text, or the text of its parts. Some upstreams send a JSON answer as a parsed value. */
function textOf({ content }: WireDelta): string {
  if (typeof content === 'string') return content
  if (Array.isArray(content)) return content.map(textPart).join('')
  if (typeof content === 'number') return String(content)
  if (!isFields(content) || Object.keys(content).length === 0) return ''
  return textPart(content) || (content.type === undefined ? JSON.stringify(content) : '')
}

const textTypes: ReadonlySet<unknown> = new Set(['text', 'output_text', undefined, null])

/** Returns the text of a part: `{type: 'text', text}`, the Responses API's `output_text`, or a plain string. */
function textPart(part: unknown): string {
  if (typeof part === 'string') return part
  return isFields(part) && textTypes.has(part.type) && typeof part.text === 'string' ? part.text : ''
}

/** Returns `reasoning_content` or `reasoning`, which may both be there and equal, and reasoning parts of the content (Mistral). */
function thinkingOf({ content, reasoning_content, reasoning }: WireDelta): string {
  const beside = reasoning_content || (typeof reasoning === 'string' ? reasoning : '')
  return Array.isArray(content) ? beside + content.filter(isFields).map(thinkingPart).join('') : beside
}

/**
 * Returns `reasoning` if the reasoning came in that field. It must be sent back in the field it came in: Groq refuses a
 * history with `reasoning_content`, and Moonshot refuses one without it.
 */
export function fieldOfThinking({ reasoning_content, reasoning }: WireDelta): 'reasoning' | undefined {
  return !reasoning_content && typeof reasoning === 'string' && reasoning !== '' ? 'reasoning' : undefined
}

/** Mistral, reasoning: `{type: 'thinking', thinking: [{type: 'text', text}]}`. */
function thinkingPart(part: { readonly [key: string]: unknown }): string {
  if (part.type !== 'thinking') return ''
  if (typeof part.thinking === 'string') return part.thinking
  const texts = Array.isArray(part.thinking) ? part.thinking.filter(isFields) : []
  return texts.map(({ text }) => (typeof text === 'string' ? text : '')).join('')
}

const known = ['role', 'content', 'refusal', 'reasoning_content', 'reasoning', 'tool_calls', 'annotations']

/** Whether a delta adds nothing to the answer except tool calls: it may have a role and empty texts. */
function saysNothing(delta: WireDelta): boolean {
  if (delta.content !== undefined && textOf(delta) !== '') return false
  if (thinkingOf(delta) !== '' || delta.refusal || delta.annotations?.length) return false
  return !saysForeign(delta)
}

/** Whether it has content without an event of its own: an image, a sound, an old `function_call`. */
export function saysForeign(delta: WireDelta): boolean {
  const more = rest(delta, known)
  return more !== undefined && !Object.values(more).every(isEmpty)
}

/** Whether a member is an empty text or an empty list. */
export function isEmpty(value: unknown): boolean {
  return value === '' || (Array.isArray(value) && value.length === 0)
}

/** Whether a choice of a reply adds nothing to the answer. */
export function isSilent({ said, calls, logprobs }: WireChoice): boolean {
  return !calls?.length && !(logprobs && saysLogprobs(logprobs)) && saysNothing(said)
}

/** Whether there are log probabilities. Some upstreams send empty lists. */
export function saysLogprobs(logprobs: Fields): boolean {
  return !Object.values(logprobs).every((value) => value === null || isEmpty(value))
}
