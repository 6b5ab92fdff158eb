import type { ChatEvent } from '../chat/event.ts'
import type { Annotation, Extras, Part } from '../chat/message.ts'
import { fits, headIn, type Room } from './fold-room.ts'

/** An event of a part. */
export type GrowingEvent = Exclude<ChatEvent, { type: 'usage' | 'finish' | 'foreign' }>

/** A part while it grows: of words and calls the text, of other parts all there is. */
export interface GrowingPart {
  readonly opened: Part
  text: string
  readonly annotations: Annotation[]
  extra: Extras | undefined
}

/** What a part costs beside its characters. */
const perPart = 32

/** The part that the event opens; undefined where it opens none, or there is no room for one. */
export function openPart(event: GrowingEvent, room: Room): GrowingPart | undefined {
  const opened = openedBy(event)
  if (!opened || !fits(room, perPart + sizeOf(opened))) return undefined
  return { opened, text: '', annotations: [], extra: undefined }
}

/** Adds to the part what the event says of it, as far as there is room. */
export function growPart(part: GrowingPart, event: GrowingEvent, room: Room): void {
  if ('text' in event) part.text += headIn(room, event.text)
  else if (event.type === 'tool-arguments') part.text += headIn(room, event.json)
  if ('annotations' in event && event.annotations && fits(room, sizeOf(event.annotations)))
    part.annotations.push(...event.annotations)
  const { extra } = event
  if (extra && extra !== part.extra && fits(room, sizeOf(extra))) part.extra = { ...part.extra, ...extra }
}

/** The part as far as it has come. */
export function grownPart({ opened, text, annotations, extra }: GrowingPart): Part {
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

/** The part as it is when it opens; undefined for an event that opens none. */
function openedBy(event: GrowingEvent): Part | undefined {
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
