import type { ChatEvent, Usage } from '../../chat/event.ts'
import { PartWriter } from '../../chat/part-writer.ts'
import type { Cancel } from '../../flow/cancel.ts'
import type { Ahead } from './ahead.ts'
import type { Fan } from './column.ts'
import { failureLine } from './failure-line.ts'
import { merge } from './merge.ts'
import { totalUsage } from './total-usage.ts'

/**
 * Every member a choice of its own, all as they come.
 * @param anyBegun rejects when all have failed: until it is settled, no failure can be told as an answer
 */
export async function* sideBySide(
  { titles, streams, signal }: Fan,
  anyBegun: Promise<void>,
): AsyncGenerator<ChatEvent> {
  const usages: (Usage | undefined)[] = []
  const open = streams.map((stream) => (merged: Cancel) => {
    // `merge` lets go of all its streams when one fails: none may then wait for an event
    merged.onAbort(() => void stream.return())
    return answered(stream, anyBegun)
  })
  for await (const { source, event } of merge(open, signal)) {
    if (event.type === 'usage') usages[source] = event.usage
    else yield { ...event, choice: source }
  }
  yield* totalUsage(titles, usages)
}

/** The member's events; where it fails while another answers, its failure as its answer. */
async function* answered(stream: Ahead, anyBegun: Promise<void>): AsyncGenerator<ChatEvent> {
  let hasText = false
  let hasFinished = false
  const writer = new PartWriter()
  try {
    for await (const event of stream) {
      writer.note(event)
      hasText ||= event.type === 'text' && event.text !== ''
      hasFinished ||= event.type === 'finish'
      yield event
    }
  } catch (thrown) {
    await anyBegun
    // what is lost after the finish is no part of the answer
    if (hasFinished) return
    yield* writer.text(`${hasText ? '\n' : ''}${failureLine(thrown)}`)
    yield* writer.finish('stop')
  }
}
