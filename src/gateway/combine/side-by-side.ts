import type { Usage } from '../../chat/event.ts'
import { PartWriter } from '../../chat/part-writer.ts'
import { type Batch, batches, events, type Flow, flowOf } from '../../flow/flow.ts'
import { merge } from '../../flow/merge.ts'
import type { Fan } from './column.ts'
import { failureLine } from './failure-line.ts'
import { totalUsage } from './total-usage.ts'

/**
 * Makes each member a choice, and streams all of them at the same time.
 * @param anyBegun rejects if all members have failed; no failure becomes text until it is settled
 */
export async function* sideBySide({ titles, flows, signal }: Fan, anyBegun: Promise<void>): AsyncGenerator<Batch> {
  const usages: (Usage | undefined)[] = []
  const members = flows.map((flow) => flowOf(() => withFailureText(flow, anyBegun), signal))
  for await (const { source, batch } of events(merge(members))) {
    const shownEvents = batch.flatMap((event) => {
      if (event.type !== 'usage') return { ...event, choice: source }
      usages[source] = event.usage
      return []
    })
    if (shownEvents.length > 0) yield shownEvents
  }
  const total = totalUsage(titles, usages)
  if (total.length > 0) yield total
}

/** Reads a member's answer. If it fails, but another member answers, the failure becomes text of its choice. */
async function* withFailureText(member: Flow, anyBegun: Promise<void>): AsyncGenerator<Batch> {
  let hasText = false
  let hasFinished = false
  const writer = new PartWriter()
  try {
    for await (const batch of batches(member)) {
      for (const event of batch) writer.note(event)
      hasText ||= batch.some((event) => event.type === 'text' && event.text !== '')
      hasFinished ||= batch.some(({ type }) => type === 'finish')
      yield batch
    }
  } catch (thrown) {
    await anyBegun
    // a failure after the finish is not part of the answer
    if (hasFinished) return
    yield [...writer.text(`${hasText ? '\n' : ''}${failureLine(thrown)}`), ...writer.finish('stop')]
  }
}
