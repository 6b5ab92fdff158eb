import fc from 'fast-check'
import type { ChatEvent } from '../src/chat/event.ts'
import type { Extras } from '../src/chat/message.ts'
import { PartWriter } from '../src/chat/part-writer.ts'

type Step = (writer: PartWriter, calls: number[]) => readonly ChatEvent[]

/** Adds texts of one kind. */
const words: fc.Arbitrary<Step> = fc
  .record({ kind: fc.constantFrom('text', 'reasoning', 'refusal'), text: fc.string({ maxLength: 4 }) })
  .map(
    ({ kind, text }): Step =>
      (writer) =>
        kind === 'text' ? writer.text(text) : kind === 'reasoning' ? writer.reasoning(text) : writer.refusal(text),
  )

const opens: fc.Arbitrary<Step> = fc.constantFrom('first', 'second').map(
  (name): Step =>
    (writer, calls) => {
      const opened = writer.toolCall({ id: `call_${writer.latestPart + 1}`, name })
      calls.push(writer.latestPart)
      return opened
    },
)

const grows: fc.Arbitrary<Step> = fc.nat().map(
  (at): Step =>
    (writer, calls) => {
      const part = calls[at % Math.max(1, calls.length)]
      return part === undefined ? [] : writer.toolArguments(part, '{"a":1}')
    },
)

const ends: fc.Arbitrary<Step> = fc.nat().map(
  (at): Step =>
    (writer, calls) => {
      const [part] = calls.splice(at % Math.max(1, calls.length), 1)
      return part === undefined ? [] : writer.endCall(part)
    },
)

/** Adds a thought that ends with fields of a dialect. @param extra makes the fields from a text */
function thoughts(extra: (text: string) => Extras, thought: string): fc.Arbitrary<Step> {
  return fc.string({ minLength: 1, maxLength: 4 }).map(
    (text): Step =>
      (writer) => [...writer.endWords(), ...writer.reasoning(thought), ...writer.endWords({ extra: extra(text) })],
  )
}

/**
 * Makes the events of any answer of one choice. Tool calls may be open at the same time, and each has its arguments once.
 * @param extras make the fields with which a thought may end; those of the second come without a text
 */
export function anyAnswer(...extras: readonly ((text: string) => Extras)[]): fc.Arbitrary<readonly ChatEvent[]> {
  const more = extras.map((extra, at) => thoughts(extra, at === 0 ? 'thought' : ''))
  return fc.array(fc.oneof(words, words, opens, grows, ends, ...more), { maxLength: 30 }).map((steps) => {
    const writer = new PartWriter()
    const calls: number[] = []
    const events = steps.flatMap((step) => step(writer, calls))
    const grown = new Set<number>()
    const once = events.filter((event) => {
      if (event.type !== 'tool-arguments') return true
      const isFirst = !grown.has(event.part)
      grown.add(event.part)
      return isFirst
    })
    return [...once, ...writer.finish('stop')]
  })
}
