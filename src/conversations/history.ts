import type { Part, ToolCallPart } from '../chat/message.ts'
import { withoutMiddle } from '../chat/shorten.ts'
import { interruptedCall } from '../chat/tool-output.ts'
import { type AnyEditionMessage, readMessage } from './first-edition.ts'
import {
  callsIn,
  type Status,
  type StoredAssistantMessage,
  type StoredMessage,
  type StoredToolMessage,
} from './stored-message.ts'
import { unsigned } from './unsigned.ts'

/** One request and all that came of it. Its tools' results never part from their calls: a turn is kept whole, or not at all. */
export interface Turn {
  /** The request's: another try of it has the same. */
  readonly id: string
  readonly model: string
  /** `running` until it has ended; in a turn that nobody writes, the program went away in the middle. */
  readonly status: Status | 'running'
  /** The question first, unless it is not kept. */
  readonly messages: readonly StoredMessage[]
}

/** What is told of a session without reading its messages. */
export interface SessionSummary {
  readonly id: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
  readonly updatedAt: string
  readonly messages: number
  /** The choice of tools that was made last, if any was. */
  readonly tools?: readonly string[]
}

export interface History extends Omit<SessionSummary, 'messages'> {
  readonly turns: readonly Turn[]
}

export interface HistoryBounds {
  /** Messages of a session; the oldest turns go first. */
  readonly maxMessages: number
  /** Characters that they take as they are stored. A question may have half as many. */
  readonly maxCharacters: number
}

/** Two lines: the session, and its turns. So a list of sessions is read without their messages. */
export function encodeHistory({ turns, ...session }: History, bounds: HistoryBounds): string {
  const kept = newest(turns, bounds)
  const messages = kept.reduce((count, turn) => count + turn.messages.length, 0)
  return `${JSON.stringify({ ...session, messages } satisfies SessionSummary)}\n${JSON.stringify(kept)}`
}

/** A turn as a store has it, of whichever edition. */
type StoredTurn = Omit<Turn, 'messages'> & { readonly messages: readonly AnyEditionMessage[] }

export function decodeHistory(stored: string): History {
  const { messages: _, ...session } = decodeSession(stored)
  const turns: StoredTurn[] = JSON.parse(stored.slice(stored.indexOf('\n') + 1))
  return { ...session, turns: turns.map((turn) => ({ ...turn, messages: turn.messages.map(readMessage) })) }
}

export function decodeSession(stored: string): SessionSummary {
  const session: SessionSummary = JSON.parse(stored.slice(0, stored.indexOf('\n')))
  return session
}

/** As many of the last turns as there is room for; the very last in any case. */
function newest(turns: readonly Turn[], { maxMessages, maxCharacters }: HistoryBounds): readonly Turn[] {
  let messages = 0
  let characters = 0
  const firstKept = turns.findLastIndex((turn, at) => {
    messages += turn.messages.length
    characters += sizeOf(turn)
    return at < turns.length - 1 && (messages > maxMessages || characters > maxCharacters)
  })
  return turns.slice(firstKept + 1)
}

function sizeOf(value: unknown): number {
  return JSON.stringify(value).length
}

/** What every message is when it is new. */
export type NewMessageFields = () => Pick<StoredMessage, 'id' | 'createdAt'>

/** The turn with one message more, whose text is cut where the turn would outgrow all there is room for. */
export function withMessage(turn: Turn, whole: StoredMessage, { maxCharacters }: HistoryBounds): Turn {
  const room = Math.max(maxCharacters - sizeOf(turn), 1_000)
  const message = fitted(whole, room)
  return { ...turn, messages: [...turn.messages, message] }
}

function fitted(message: StoredMessage, room: number): StoredMessage {
  if (message.role === 'assistant') return fittedAnswer(message, room)
  return message.role === 'tool' ? fittedResult(message, room) : fittedText(message, room)
}

/** A result: without its images where they would take most of the room, which the text then says. */
function fittedResult(message: StoredToolMessage, room: number): StoredToolMessage {
  const { images, ...others } = message
  if (!images) return fittedText(message, room)
  const size = images.reduce((sum, { url }) => sum + url.length, 0)
  if (size <= room / 2) return { ...fittedText(others, room - size), images }
  return fittedText({ ...others, content: `${message.content}\n[its images are not kept in this history]` }, room)
}

function fittedText<T extends { readonly content: string }>(message: T, room: number): T {
  return fits(message.content, room) ? message : { ...message, content: cutTo(message.content, room) }
}

/** An answer: without what only its upstream understands where that alone would take all the room, and with its words cut. */
function fittedAnswer(whole: StoredAssistantMessage, room: number): StoredAssistantMessage {
  const words = lengthOfWords(whole)
  if (words * 6 <= room && !hasExtra(whole)) return whole
  const wordless = { ...whole, parts: whole.parts.map((part) => ('text' in part ? { ...part, text: '' } : part)) }
  const message = hasExtra(whole) && sizeOf(wordless) > room ? withoutExtra(whole) : whole
  if (words * 6 <= room || sizeOf(message.parts) <= room) return message
  return { ...message, parts: withWordsCut(message.parts, room) }
}

function lengthOfWords({ parts }: StoredAssistantMessage): number {
  return parts.reduce((length, part) => length + ('text' in part ? part.text.length : 0), 0)
}

/** The parts with less of their words: thoughts take the room that the others leave. */
function withWordsCut(parts: readonly Part[], room: number): readonly Part[] {
  const sizeOfWords = (isCounted: (type: Part['type']) => boolean) =>
    parts.reduce((size, part) => size + ('text' in part && isCounted(part.type) ? sizeOf(part.text) : 0), 0)
  const thoughts = sizeOfWords((type) => type === 'reasoning')
  const answer = sizeOfWords((type) => type !== 'reasoning')
  const ofThoughts = { room: Math.max(room - answer, 0), all: thoughts }
  const ofAnswer = { room, all: answer }
  return parts.map((part) => {
    if (!('text' in part)) return part
    return { ...part, text: cutInto(part.text, part.type === 'reasoning' ? ofThoughts : ofAnswer) }
  })
}

/** A text with its share of the room for all of its kind. */
function cutInto(text: string, { room, all }: { readonly room: number; readonly all: number }): string {
  return all <= room ? text : cutTo(text, Math.floor((room * sizeOf(text)) / all))
}

/** A character takes up to six where JSON has to escape it. */
function fits(text: string, room: number): boolean {
  return text.length * 6 <= room || sizeOf(text) <= room
}

function cutTo(text: string, room: number): string {
  return withoutMiddle(text, Math.floor(room / 6))
}

function withoutExtra({ extra: _, ...message }: StoredAssistantMessage): StoredAssistantMessage {
  return { ...message, parts: message.parts.flatMap(unsigned) }
}

function hasExtra({ extra, parts }: StoredAssistantMessage): boolean {
  return extra !== undefined || parts.some((part) => part.extra !== undefined)
}

/** The calls of the last round that have no result. */
export function openCalls({ messages }: Turn): readonly ToolCallPart[] {
  const at = messages.findLastIndex(({ role }) => role === 'assistant')
  const last = messages[at]
  if (last?.role !== 'assistant') return []
  const answered = new Set(messages.slice(at).map((message) => (message.role === 'tool' ? message.toolCallId : '')))
  return callsIn(last).filter(({ id }) => !answered.has(id))
}

/** The turn with a result for each of its calls: what was begun and has no end was stopped. */
export function withResults(turn: Turn, fresh: NewMessageFields): Turn {
  const stopped = openCalls(turn).map(
    ({ id, name }): StoredToolMessage => ({
      ...fresh(),
      ...interruptedCall,
      role: 'tool',
      status: 'cancelled',
      toolCallId: id,
      name,
    }),
  )
  return { ...turn, messages: [...turn.messages, ...stopped] }
}

/** The turn as it is when nobody writes it any more: one that the program left in the middle has failed. */
export function settled(turn: Turn, fresh: NewMessageFields): Turn {
  if (turn.status !== 'running') return turn
  const whole = withResults(turn, fresh)
  const { model } = turn
  const lost: StoredAssistantMessage = {
    ...fresh(),
    role: 'assistant',
    status: 'failed',
    model,
    parts: [],
  }
  return { ...whole, status: 'failed', messages: [...whole.messages, lost] }
}
