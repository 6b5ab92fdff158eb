import type { ChatEvent, Native } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { isFields } from '../fields.ts'
import { dialect } from './dialect.ts'
import { documentedFinish, stopSequenceIn } from './finish-reason.ts'
import { type PlainCall, plainCallsIn } from './plain-calls.ts'
import { isPlainUsage } from './plain-usage.ts'
import { decodeUsage } from './usage.ts'

/** A message that has only a text and tool calls. */
interface SpokenMessage extends Fields {
  readonly content?: string | null
}

/** What is known of a whole reply beside its value. */
export interface ReplySource {
  /** The stop sequences of the request. */
  readonly stop?: readonly string[] | undefined
  /** The JSON of the reply, as a text or as bytes. */
  readonly json?: string | undefined
  readonly bytes?: Uint8Array | undefined
}

/**
 * Returns the events of a whole reply in the documented form whose choices have only a text and tool calls, as most replies are. Returns
 * undefined for any other reply, and for one that may need a repair.
 */
export function plainReplyIn(value: Fields, source: ReplySource = {}): readonly ChatEvent[] | undefined {
  const { choices, usage } = value
  if (mayFail(value) || !isList(choices) || !isFields(usage) || !isPlainUsage(usage)) return undefined
  const { stop = [] } = source
  const native = nativeOf(value, source)
  const events: ChatEvent[] = []
  for (let index = 0; index < choices.length; index++) {
    if (!addChoice(events, choices[index], { index, native, stop })) return undefined
  }
  events.push({ type: 'usage', choice: 0, usage: decodeUsage(usage), native })
  return events
}

function nativeOf(value: Fields, { json, bytes }: ReplySource): Native {
  if (json !== undefined) return { dialect, form: 'whole', value, json, isShared: true }
  return bytes ? { dialect, form: 'whole', value, bytes } : { dialect, form: 'whole', value }
}

/** Whether a reply may report an error. */
function mayFail({ error, object, base_resp, x_groq }: Fields): boolean {
  if (!isAbsent(error) || object === 'error' || !isAbsent(base_resp)) return true
  return isFields(x_groq) && !isAbsent(x_groq.error)
}

/** OpenAI allows this many choices of a request. */
const maxChoices = 128

function isList(choices: unknown): choices is readonly unknown[] {
  return Array.isArray(choices) && choices.length > 0 && choices.length <= maxChoices
}

interface ChoiceContext {
  readonly index: number
  readonly native: Native
  readonly stop: readonly string[]
}

/** Adds the events of a choice. Returns false if the choice is not plain. */
function addChoice(events: ChatEvent[], choice: unknown, { index, native, stop }: ChoiceContext): boolean {
  if (!isFields(choice) || choice.index !== index || !isAbsent(choice.error) || !isAbsent(choice.logprobs)) return false
  if (stop.length > 0 && stopSequenceIn(choice, stop) !== undefined) return false
  const { message, finish_reason: word } = choice
  const reason = documentedFinish(word)
  if (typeof word !== 'string' || !reason || !isFields(message) || !isSpokenMessage(message)) return false
  const calls = plainCallsIn(message.tool_calls)
  // an answer without any content is an error, and `stop` after a tool call is repaired
  if (!calls || (calls.length === 0 ? !message.content : reason === 'stop')) return false
  addParts(events, message.content ?? '', { calls, choice: index, native })
  events.push({ type: 'finish', choice: index, reason, raw: word, native })
  return true
}

interface Parts {
  readonly calls: readonly PlainCall[]
  readonly choice: number
  readonly native: Native
}

function addParts(events: ChatEvent[], text: string, { calls, choice, native }: Parts): void {
  let part = 0
  if (text !== '') {
    events.push({ type: 'text', choice, part, text, native }, { type: 'part-end', choice, part, native })
    part++
  }
  for (const { id, function: called } of calls) {
    events.push(
      { type: 'tool-call', choice, part, id, name: called.name, native },
      { type: 'tool-arguments', choice, part, json: called.arguments, native },
      { type: 'part-end', choice, part, native },
    )
    part++
  }
}

function isSpokenMessage(message: Fields): message is SpokenMessage {
  const { content } = message
  if (typeof content === 'string' ? !content.isWellFormed() : !isAbsent(content)) return false
  for (const name in message) if (!isPlainMember(name, message[name])) return false
  return true
}

function isPlainMember(name: string, value: unknown): boolean {
  // these are checked by themselves
  if (value === null || name === 'content' || name === 'tool_calls') return true
  if (name === 'role') return value === 'assistant'
  return name === 'annotations' && Array.isArray(value) && value.length === 0
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null
}
