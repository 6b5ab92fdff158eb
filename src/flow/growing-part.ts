import type { ChatEvent } from '../chat/event.ts'
import type { Annotation, Extras, Part } from '../chat/message.ts'
import { type Room, takeHead, takeRoom } from './fold-room.ts'

/** An event that opens, extends or ends a part. */
export type GrowingEvent = Exclude<ChatEvent, { type: 'usage' | 'finish' | 'foreign' | 'seam' }>

/** A part that may still grow. `text` collects the text of a text part, or the arguments of a tool call. */
export interface GrowingPart {
  readonly opened: Part
  text: string
  readonly annotations: Annotation[]
  extra: Extras | undefined
}

/** Cost of a part in characters, without its text. */
const perPart = 32

/** Starts the part that the event opens. Returns undefined if the event opens no part, or if there is no room. */
export function startPart(event: GrowingEvent, room: Room): GrowingPart | undefined {
  const opened = openedPart(event)
  if (!opened || !takeRoom(room, perPart + sizeOf(opened))) return undefined
  return { opened, text: '', annotations: [], extra: undefined }
}

/** Adds the event's content to the part, as far as there is room. */
export function growPart(part: GrowingPart, event: GrowingEvent, room: Room): void {
  if ('text' in event) part.text += takeHead(room, event.text)
  else if (event.type === 'tool-arguments') part.text += takeHead(room, event.json)
  if ('annotations' in event && event.annotations && takeRoom(room, sizeOf(event.annotations)))
    part.annotations.push(...event.annotations)
  const { extra } = event
  if (extra && extra !== part.extra && takeRoom(room, sizeOf(extra))) part.extra = { ...part.extra, ...extra }
}

/** Returns the part with everything that was added to it so far. */
export function finishPart({ opened, text, annotations, extra }: GrowingPart): Part {
  const beside = extra && { extra }
  switch (opened.type) {
    case 'text':
      return { ...opened, text, ...(annotations.length > 0 && { annotations }), ...beside }
    case 'refusal':
    case 'reasoning':
      return { ...opened, text, ...beside }
    case 'tool-call':
      return { ...opened, arguments: text, ...beside }
    default:
      return { ...opened, ...beside }
  }
}

/** Returns the part in its first state; undefined if the event opens no part. */
function openedPart(event: GrowingEvent): Part | undefined {
  switch (event.type) {
    case 'text':
    case 'refusal':
    case 'reasoning':
      return { type: event.type, text: '' }
    case 'tool-call':
      return { type: 'tool-call', id: event.id, name: event.name, arguments: '' }
    case 'file':
      return event.file
    case 'server-tool-call':
      return { type: 'server-tool-call', id: event.id, name: event.name, arguments: event.arguments }
    case 'server-tool-result': {
      const { toolCallId, isError } = event
      return { type: 'server-tool-result', toolCallId, ...(isError !== undefined && { isError }) }
    }
    case 'tool-arguments':
    case 'part-end':
      return undefined
  }
}

function sizeOf(value: unknown): number {
  return JSON.stringify(value).length
}
