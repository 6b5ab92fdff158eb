import type { Check, Section } from '../suite/check.ts'
import type { Answer } from '../talk/talk.ts'
import { expectAnswer } from './expectations.ts'

const textOfSize = (bytes: number): string => 'A long line goes on. '.repeat(Math.ceil(bytes / 21))

const event: Check = {
  id: 'long/event',
  claim: 'One event of 2 MB arrives whole.',
  per: 'lane',
  async run(lab) {
    const answer: Answer = { pieces: [{ text: textOfSize(2 << 20), deltas: 1 }], end: 'stop' }
    expectAnswer(await lab.ask({ script: answer }), answer)
    return undefined
  },
}

const body: Check = {
  id: 'long/not-streamed',
  claim: 'An answer of 4 MB that is not streamed arrives whole.',
  per: 'lane',
  async run(lab) {
    const answer: Answer = { pieces: [{ text: textOfSize(4 << 20) }], end: 'stop' }
    expectAnswer(await lab.ask({ script: answer, isStream: false }), answer)
    return undefined
  },
}

const events: Check = {
  id: 'long/many-events',
  claim: 'A stream of 3,000 events arrives whole.',
  per: 'lane',
  async run(lab) {
    const text = Array.from({ length: 3_000 }, (_, at) => String(at % 10)).join('')
    const answer: Answer = { pieces: [{ text, deltas: 3_000 }], end: 'stop' }
    expectAnswer(await lab.ask({ script: answer }), answer)
    return undefined
  },
}

export const longLines: Section = { name: 'long', title: 'Long lines and long answers', checks: [event, body, events] }
