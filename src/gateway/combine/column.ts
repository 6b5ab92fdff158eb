import type { ChatEvent, TextEvent, Usage } from '../../chat/event.ts'
import type { Annotation } from '../../chat/message.ts'
import { PartWriter } from '../../chat/part-writer.ts'
import type { Cancel } from '../../flow/cancel.ts'
import type { Ahead } from './ahead.ts'
import { failureLine } from './failure-line.ts'
import { totalUsage } from './total-usage.ts'

/** Several answers that are read at once. */
export interface Fan {
  /** How each is announced. */
  readonly titles: readonly string[]
  readonly streams: readonly Ahead[]
  /** Aborted when nobody waits for the answers any more. */
  readonly signal: Cancel
}

/** What a column can say of an answer. An upstream's own chunks are left behind, for they may have to wait. */
type Sayable = Extract<ChatEvent, { type: 'text' | 'reasoning' | 'usage' }>

/** Of an answer what a column can say: words and usage. */
export async function* sayable(events: AsyncIterable<ChatEvent>): AsyncGenerator<ChatEvent> {
  for await (const event of events) {
    const said = sayableIn(event)
    if (said) yield said
  }
}

function sayableIn(event: ChatEvent): Sayable | undefined {
  switch (event.type) {
    case 'usage':
      return event
    case 'reasoning':
      return { type: 'reasoning', choice: 0, part: event.part, text: event.text }
    case 'text':
      return { type: 'text', choice: 0, part: event.part, text: event.text, ...annotationsOf(event) }
    case 'refusal':
      // what the member has to say, too
      return { type: 'text', choice: 0, part: event.part, text: event.text }
    case 'part-end':
      return event.annotations && { type: 'text', choice: 0, part: event.part, text: '', ...annotationsOf(event) }
    default:
      return undefined
  }
}

function annotationsOf(event: { readonly annotations?: readonly Annotation[] }) {
  return event.annotations ? { annotations: event.annotations } : {}
}

/**
 * Section after section, each `--- [title] ---`, a line break, the text; one line break between them.
 * @param anyBegun rejects when all have failed: until it is settled, nothing is said
 */
export async function* column({ titles, streams }: Fan, anyBegun: Promise<void>): AsyncGenerator<ChatEvent> {
  await anyBegun
  const usages: (Usage | undefined)[] = []
  const writer = new PartWriter()
  let length = 0
  for (const [at, stream] of streams.entries()) {
    const header = `${at > 0 ? '\n' : ''}--- [${titles[at]}] ---\n`
    length += header.length
    const start = length
    yield* writer.text(header)
    for await (const event of section(stream)) {
      if (event.type === 'usage') usages[at] = event.usage
      else if (event.type === 'reasoning') yield* writer.reasoning(event.text)
      else if (event.type === 'text') {
        length += event.text.length
        yield* writer.text(event.text, annotationsOf(moved(event, start)))
      }
    }
  }
  yield* writer.finish('stop')
  yield* totalUsage(titles, usages)
}

/** One member's answer; where it fails, the line that says so, on a line of its own. */
async function* section(stream: Ahead): AsyncGenerator<ChatEvent> {
  let hasText = false
  try {
    for await (const event of stream) {
      hasText ||= event.type === 'text' && event.text !== ''
      yield event
    }
  } catch (thrown) {
    yield { type: 'text', choice: 0, part: 0, text: `${hasText ? '\n' : ''}${failureLine(thrown)}` }
  }
}

/** The event with its annotations' offsets counted from where the column begins. */
function moved(event: TextEvent, by: number): TextEvent {
  if (!event.annotations) return event
  return { ...event, annotations: event.annotations.map((annotation) => movedAnnotation(annotation, by)) }
}

function movedAnnotation(annotation: Annotation, by: number): Annotation {
  const { start, end } = annotation
  return {
    ...annotation,
    ...(start !== undefined && { start: start + by }),
    ...(end !== undefined && { end: end + by }),
  }
}
