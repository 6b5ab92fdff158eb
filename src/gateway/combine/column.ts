import type { ChatEvent, Usage } from '../../chat/event.ts'
import type { Annotation } from '../../chat/message.ts'
import { moveAnnotations } from '../../chat/move-annotations.ts'
import { PartWriter } from '../../chat/part-writer.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { type Batch, batches, type Flow } from '../../flow/flow.ts'
import { map } from '../../flow/map.ts'
import type { ReadAheadFlow } from '../../flow/read-ahead.ts'
import { failureLine } from './failure-line.ts'
import { totalUsage } from './total-usage.ts'

/** Several answers that are read at once. */
export interface Fan {
  /** How each is announced. */
  readonly titles: readonly string[]
  readonly flows: readonly ReadAheadFlow<ChatEvent>[]
  /** Aborted when nobody waits for the answers any more. */
  readonly signal: Cancel
}

/** Of an answer what a column can say: words and usage. An upstream's own chunks are left behind, for they may have to wait. */
export function sayable(answer: Flow): Flow {
  return map(answer, (batch) => batch.flatMap((event) => sayableIn(event) ?? []))
}

function sayableIn(event: ChatEvent): ChatEvent | undefined {
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
export async function* column({ titles, flows }: Fan, anyBegun: Promise<void>): AsyncGenerator<Batch> {
  await anyBegun
  const usages: (Usage | undefined)[] = []
  const writer = new PartWriter()
  let length = 0
  for (const [at, flow] of flows.entries()) {
    const header = `${at > 0 ? '\n' : ''}--- [${titles[at]}] ---\n`
    length += header.length
    const start = length
    yield writer.text(header)
    for await (const batch of section(flow)) {
      const said = batch.flatMap((event) => {
        if (event.type === 'usage') usages[at] = event.usage
        if (event.type === 'reasoning') return writer.reasoning(event.text)
        if (event.type !== 'text') return []
        length += event.text.length
        return writer.text(event.text, moveAnnotations(event, start))
      })
      if (said.length > 0) yield said
    }
  }
  yield [...writer.finish('stop'), ...totalUsage(titles, usages)]
}

/** One member's answer; where it fails, the line that says so, on a line of its own. */
async function* section(answer: Flow): AsyncGenerator<Batch> {
  let hasText = false
  try {
    for await (const batch of batches(answer)) {
      hasText ||= batch.some((event) => event.type === 'text' && event.text !== '')
      yield batch
    }
  } catch (thrown) {
    yield [{ type: 'text', choice: 0, part: 0, text: `${hasText ? '\n' : ''}${failureLine(thrown)}` }]
  }
}
