import { type AssistantMessage, callsOf, type Extras, type Part, type ReasoningPart } from '../../chat/message.ts'

/** Reasoning with the fields that its upstream wants back. */
interface KeptThought {
  /** The number of calls before it. */
  readonly before: number
  readonly text: string
  readonly extra: Extras
}

/** What an upstream wants back with the calls of one answer. */
export interface KeptExtra {
  /** By the places of the calls; null for a call without fields. */
  readonly calls: readonly (Extras | null)[]
  readonly thoughts: readonly KeptThought[]
  /** The fields of the whole answer. */
  readonly answer?: Extras
}

/** Limit for the characters that are kept of one answer. */
const maxCharacters = 512 * 1024

/** Returns what must be kept of an answer, as text; undefined if that is nothing or too much. */
export function keptExtraOf(message: AssistantMessage): string | undefined {
  const calls = callsOf(message).map(({ extra }) => extra ?? null)
  if (calls.length === 0) return undefined
  const thoughts = thoughtsOf(message)
  if (thoughts.length === 0 && !message.extra && calls.every((extra) => extra === null)) return undefined
  const kept: KeptExtra = { calls, thoughts, ...(message.extra && { answer: message.extra }) }
  const text = JSON.stringify(kept)
  return text.length <= maxCharacters ? text : undefined
}

function thoughtsOf({ content }: AssistantMessage): readonly KeptThought[] {
  return content.flatMap((part, at) => {
    if (part.type !== 'reasoning' || !part.extra) return []
    const before = content.slice(0, at).filter(({ type }) => type === 'tool-call').length
    return [{ before, text: part.text, extra: part.extra }]
  })
}

/** @param text what `keptExtraOf` returned */
export function parseExtra(text: string): KeptExtra {
  return JSON.parse(text)
}

/** Puts the fields back. What the client itself has sent is not replaced, except for reasoning without fields. */
export function addExtra(message: AssistantMessage, { calls, thoughts, answer }: KeptExtra): AssistantMessage {
  const own = thoughts.length === 0 ? message.content : message.content.filter(({ type }) => type !== 'reasoning')
  const content: Part[] = thoughtsAt(0, thoughts)
  let place = 0
  for (const part of own) {
    if (part.type !== 'tool-call') {
      content.push(part)
      continue
    }
    if (place > 0) content.push(...thoughtsAt(place, thoughts))
    const extra = part.extra ?? calls[place]
    content.push(extra ? { ...part, extra } : part)
    place++
  }
  const whole = answer && message.extra ? merged(answer, message.extra) : (answer ?? message.extra)
  return { ...message, content, ...(whole && { extra: whole }) }
}

function thoughtsAt(place: number, thoughts: readonly KeptThought[]): ReasoningPart[] {
  return thoughts
    .filter(({ before }) => before === place)
    .map(({ text, extra }) => ({ type: 'reasoning', text, extra }))
}

function merged(kept: Extras, sent: Extras): Extras {
  const dialects = new Set([...Object.keys(kept), ...Object.keys(sent)])
  return Object.fromEntries([...dialects].map((dialect) => [dialect, { ...kept[dialect], ...sent[dialect] }]))
}
