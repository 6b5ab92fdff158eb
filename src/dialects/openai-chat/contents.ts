import type { Fields } from '../../chat/message.ts'
import { wholeCharacters } from './characters.ts'
import { isFields, rest } from './fields.ts'
import type { WireChoice, WireDelta } from './wire-reply.ts'

export interface Texts {
  readonly text: string
  readonly thinking: string
  readonly refusal: string
}

/** What a delta adds to the texts of an answer, in whole characters. */
export interface Contents extends Texts {
  /** The members to relay in place of the delta's own, where those are not what they should be. */
  readonly rewritten: object | undefined
}

/** Half a character that the last delta of each kind of text ended in. */
export interface PendingSurrogates {
  text: string
  thinking: string
  refusal: string
}

export function noPendingSurrogates(): PendingSurrogates {
  return { text: '', thinking: '', refusal: '' }
}

/** Reads what a delta says; halves of characters are put together with those of the deltas before. */
export function readContents(delta: WireDelta, halves: PendingSurrogates): Contents {
  const said = { text: textOf(delta), thinking: thinkingOf(delta), refusal: delta.refusal ?? '' }
  const text = joined(halves, 'text', said.text)
  const thinking = joined(halves, 'thinking', said.thinking)
  const refusal = joined(halves, 'refusal', said.refusal)
  const isWell =
    isTextOrNone(delta.content) && text === said.text && thinking === said.thinking && refusal === said.refusal
  return { text, thinking, refusal, rewritten: isWell ? undefined : rewrite(delta, { text, thinking, refusal }) }
}

/** What is left of halves at the end of an answer: characters that nothing can complete any more. */
export function takeHalves(halves: PendingSurrogates): Texts | undefined {
  if (halves.text === '' && halves.thinking === '' && halves.refusal === '') return undefined
  const { text, thinking, refusal } = halves
  Object.assign(halves, noPendingSurrogates())
  return { text: text.toWellFormed(), thinking: thinking.toWellFormed(), refusal: refusal.toWellFormed() }
}

/** The texts as members of a delta, each under the name it came under. */
export function rewriteContents(delta: WireDelta, before: Texts, last: Texts): object {
  return rewrite(delta, {
    text: before.text + last.text,
    thinking: before.thinking + last.thinking,
    refusal: before.refusal + last.refusal,
  })
}

function joined(halves: PendingSurrogates, kind: keyof PendingSurrogates, text: string): string {
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

/** The content, or the text among its parts. Where JSON was asked for, some send it parsed. */
function textOf({ content }: WireDelta): string {
  if (typeof content === 'string') return content
  if (Array.isArray(content)) return content.map(textPart).join('')
  if (typeof content === 'number') return String(content)
  if (!isFields(content) || Object.keys(content).length === 0) return ''
  return textPart(content) || (content.type === undefined ? JSON.stringify(content) : '')
}

const textTypes: ReadonlySet<unknown> = new Set(['text', 'output_text', undefined, null])

/** A part of a text: `{type: 'text', text}`, also by the Responses API's word for it, or the text alone. */
function textPart(part: unknown): string {
  if (typeof part === 'string') return part
  return isFields(part) && textTypes.has(part.type) && typeof part.text === 'string' ? part.text : ''
}

/** `reasoning_content` or `reasoning` beside the content (some send both, alike), or parts within it (Mistral). */
function thinkingOf({ content, reasoning_content, reasoning }: WireDelta): string {
  const beside = reasoning_content || (typeof reasoning === 'string' ? reasoning : '')
  return Array.isArray(content) ? beside + content.filter(isFields).map(thinkingPart).join('') : beside
}

/**
 * Where the thinking came under its other name, that name. Groq refuses the history of a thinking model under
 * `reasoning_content`, Moonshot one without it: what it came under is what it has to be handed back under.
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

/** Whether a delta adds nothing to the answer but calls: a role, empty texts. */
function saysNothing(delta: WireDelta): boolean {
  if (delta.content !== undefined && textOf(delta) !== '') return false
  if (thinkingOf(delta) !== '' || delta.refusal || delta.annotations?.length) return false
  return !saysForeign(delta)
}

/** Whether it says what the vocabulary has no word for: a picture, a sound, an old `function_call`. */
export function saysForeign(delta: WireDelta): boolean {
  const more = rest(delta, known)
  return more !== undefined && !Object.values(more).every(isEmpty)
}

/** Whether a member is there and says nothing. */
export function isEmpty(value: unknown): boolean {
  return value === '' || (Array.isArray(value) && value.length === 0)
}

/** Whether a choice of a reply adds nothing to its answer. */
export function isSilent({ said, calls, logprobs }: WireChoice): boolean {
  return !calls?.length && !(logprobs && saysLogprobs(logprobs)) && saysNothing(said)
}

/** Whether there are log probabilities: where there are none, their lists may stand there empty. */
export function saysLogprobs(logprobs: Fields): boolean {
  return !Object.values(logprobs).every((value) => value === null || isEmpty(value))
}
