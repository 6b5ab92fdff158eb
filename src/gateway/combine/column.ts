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
  /** The text of each header. */
  readonly titles: readonly string[]
  readonly flows: readonly ReadAheadFlow<ChatEvent>[]
  /** Aborted when the answers are no longer needed. */
  readonly signal: Cancel
}

/**
 * Keeps the texts, the reasoning and the usage of an answer. A column shows nothing else. Native chunks are dropped,
 * because they would have to wait in memory.
 */
export function reduceToText(answer: Flow): Flow {
  return map(answer, (batch) => batch.flatMap((event) => reduceEvent(event) ?? []))
}

function reduceEvent(event: ChatEvent): ChatEvent | undefined {
  switch (event.type) {
    case 'usage':
    case 'seam':
      return event
    case 'reasoning':
      return { type: 'reasoning', choice: 0, part: event.part, text: event.text }
    case 'text':
      return { type: 'text', choice: 0, part: event.part, text: event.text, ...annotationsOf(event) }
    case 'refusal':
      // a refusal is the member's answer too
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
 * Writes one section after the other: `--- [title] ---`, a line break and the text. A line break separates two
 * sections.
 * @param anyBegun rejects if all members have failed; nothing is written until it is settled
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
    for await (const batch of readSection(flow)) {
      const shownEvents = batch.flatMap((event) => {
        if (event.type === 'usage') usages[at] = event.usage
        if (event.type === 'reasoning') return writer.reasoning(event.text)
        if (event.type === 'seam') return event
        if (event.type !== 'text') return []
        length += event.text.length
        return writer.text(event.text, moveAnnotations(event, start))
      })
      if (shownEvents.length > 0) yield shownEvents
    }
  }
  yield [...writer.finish('stop'), ...totalUsage(titles, usages)]
}

/** Reads one member's answer. If it fails, a line with the failure is added. */
async function* readSection(answer: Flow): AsyncGenerator<Batch> {
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
