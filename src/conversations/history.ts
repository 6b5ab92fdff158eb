import type { Part, ToolCallPart } from '../chat/message.ts'
import { withoutMiddle } from '../chat/shorten.ts'
import { interruptedCall } from '../chat/tool-output.ts'
import { type AnyEditionMessage, readMessage } from './first-edition.ts'
import { removeExtra } from './remove-extra.ts'
import {
  callsIn,
  type Status,
  type StoredAssistantMessage,
  type StoredMessage,
  type StoredToolMessage,
} from './stored-message.ts'

/** One request and everything that followed from it. A turn is removed only as a whole, so no tool result loses its call. */
export interface Turn {
  /** The request's id. A request that is sent again has the same one. */
  readonly id: string
  readonly model: string
  /** `running` until it has ended. If no request writes the turn any more, the program ended in the middle of it. */
  readonly status: Status | 'running'
  /** The first message is the question, unless the question is not stored. */
  readonly messages: readonly StoredMessage[]
}

/** The part of a session that is read without its messages. */
export interface SessionSummary {
  readonly id: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
  readonly updatedAt: string
  readonly messages: number
  /** The last choice of tools, if there was any. */
  readonly tools?: readonly string[]
}

export interface History extends Omit<SessionSummary, 'messages'> {
  readonly turns: readonly Turn[]
}

export interface HistoryBounds {
  /** Limit for the messages of a session. The oldest turns are removed first. */
  readonly maxMessages: number
  /** Limit for the characters of its messages in the store. A question may have half as many. */
  readonly maxCharacters: number
}

/** Writes two lines, the session and its turns, so that a list of sessions is read without their messages. */
export function encodeHistory({ turns, ...session }: History, bounds: HistoryBounds): string {
  const keptTurns = keepNewest(turns, bounds)
  const messages = keptTurns.reduce((count, turn) => count + turn.messages.length, 0)
  return `${JSON.stringify({ ...session, messages } satisfies SessionSummary)}\n${JSON.stringify(keptTurns)}`
}

/** A stored turn, with messages of any edition. */
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

/** The last turns that fit into the bounds; always at least the newest. */
function keepNewest(turns: readonly Turn[], { maxMessages, maxCharacters }: HistoryBounds): readonly Turn[] {
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

/** Returns the fields that every new message has. */
export type NewMessageFields = () => Pick<StoredMessage, 'id' | 'createdAt'>

/** Adds a message to the turn. Its text is cut if the turn would be too large. */
export function withMessage(turn: Turn, unlimited: StoredMessage, { maxCharacters }: HistoryBounds): Turn {
  const room = Math.max(maxCharacters - sizeOf(turn), 1_000)
  const message = shorten(unlimited, room)
  return { ...turn, messages: [...turn.messages, message] }
}

function shorten(message: StoredMessage, room: number): StoredMessage {
  if (message.role === 'assistant') return shortenAnswer(message, room)
  return message.role === 'tool' ? shortenResult(message, room) : shortenText(message, room)
}

/** Shortens a result. Images that would take more than half of the space are replaced by a notice in the text. */
function shortenResult(message: StoredToolMessage, room: number): StoredToolMessage {
  const { images, ...others } = message
  if (!images) return shortenText(message, room)
  const size = images.reduce((sum, { url }) => sum + url.length, 0)
  if (size <= room / 2) return { ...shortenText(others, room - size), images }
  return shortenText({ ...others, content: `${message.content}\n[its images are not kept in this history]` }, room)
}

function shortenText<T extends { readonly content: string }>(message: T, room: number): T {
  return fits(message.content, room) ? message : { ...message, content: cutTo(message.content, room) }
}

/**
 * Shortens an answer: removes the fields for its own upstream if they alone would take all the space, and cuts its
 * texts.
 */
function shortenAnswer(unlimited: StoredAssistantMessage, room: number): StoredAssistantMessage {
  const textLength = lengthOfTexts(unlimited)
  if (textLength * 6 <= room && !hasExtra(unlimited)) return unlimited
  const withoutTexts = {
    ...unlimited,
    parts: unlimited.parts.map((part) => ('text' in part ? { ...part, text: '' } : part)),
  }
  const message = hasExtra(unlimited) && sizeOf(withoutTexts) > room ? withoutExtra(unlimited) : unlimited
  if (textLength * 6 <= room || sizeOf(message.parts) <= room) return message
  return { ...message, parts: cutTexts(message.parts, room) }
}

function lengthOfTexts({ parts }: StoredAssistantMessage): number {
  return parts.reduce((length, part) => length + ('text' in part ? part.text.length : 0), 0)
}

/** Cuts the texts of the parts. Reasoning gets only the space that the other parts leave. */
function cutTexts(parts: readonly Part[], room: number): readonly Part[] {
  const sizeOfTexts = (isCounted: (type: Part['type']) => boolean) =>
    parts.reduce((size, part) => size + ('text' in part && isCounted(part.type) ? sizeOf(part.text) : 0), 0)
  const reasoningSize = sizeOfTexts((type) => type === 'reasoning')
  const answerSize = sizeOfTexts((type) => type !== 'reasoning')
  const forReasoning = { room: Math.max(room - answerSize, 0), all: reasoningSize }
  const forAnswer = { room, all: answerSize }
  return parts.map((part) => {
    if (!('text' in part)) return part
    return { ...part, text: cutToShare(part.text, part.type === 'reasoning' ? forReasoning : forAnswer) }
  })
}

/** Cuts a text to its share of the space for all texts of its kind. */
function cutToShare(text: string, { room, all }: { readonly room: number; readonly all: number }): string {
  return all <= room ? text : cutTo(text, Math.floor((room * sizeOf(text)) / all))
}

/** Whether a text fits into the space. In JSON a character takes up to six characters. */
function fits(text: string, room: number): boolean {
  return text.length * 6 <= room || sizeOf(text) <= room
}

function cutTo(text: string, room: number): string {
  return withoutMiddle(text, Math.floor(room / 6))
}

function withoutExtra({ extra: _, ...message }: StoredAssistantMessage): StoredAssistantMessage {
  return { ...message, parts: message.parts.flatMap(removeExtra) }
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

/** Adds a result to each call that has none, because the call was interrupted. */
export function withResults(turn: Turn, newFields: NewMessageFields): Turn {
  const stopped = openCalls(turn).map(
    ({ id, name }): StoredToolMessage => ({
      ...newFields(),
      ...interruptedCall,
      role: 'tool',
      status: 'cancelled',
      toolCallId: id,
      name,
    }),
  )
  return { ...turn, messages: [...turn.messages, ...stopped] }
}

/** Ends a turn that no request writes any more. A turn that the program left running has failed. */
export function endInterrupted(turn: Turn, newFields: NewMessageFields): Turn {
  if (turn.status !== 'running') return turn
  const complete = withResults(turn, newFields)
  const { model } = turn
  const failedAnswer: StoredAssistantMessage = {
    ...newFields(),
    role: 'assistant',
    status: 'failed',
    model,
    parts: [],
  }
  return { ...complete, status: 'failed', messages: [...complete.messages, failedAnswer] }
}
