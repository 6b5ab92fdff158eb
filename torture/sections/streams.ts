import type { Conversation } from '../lab/conversation.ts'
import { expect, NotApplicable } from '../lab/failure.ts'
import { hello } from '../lab/lab.ts'
import { becomes } from '../lab/waiting.ts'
import type { Check, Section } from '../suite/check.ts'
import type { Answer } from '../talk/talk.ts'
import type { Script } from '../upstream/exchange.ts'
import { expectAnswer } from './expectations.ts'

const credit = 'gatewayproof: streaming-fidelity'
const many: Answer = {
  pieces: [{ text: Array.from({ length: 200 }, (_, at) => `${at} `).join(''), deltas: 200 }],
  end: 'stop',
  usage: { input: 11, output: 200 },
}

const whole: Check = {
  id: 'stream/whole',
  claim: 'A streamed answer says what the upstream said: nothing dropped, doubled or in another order.',
  per: 'lane',
  credit,
  async run(lab) {
    expectAnswer(await lab.ask({ script: many }), many)
    return undefined
  },
}

const notStreamed: Check = {
  id: 'stream/not-streamed',
  claim: 'An answer that is not streamed says what the upstream said.',
  per: 'lane',
  credit,
  async run(lab) {
    expectAnswer(await lab.ask({ script: many, isStream: false }), many)
    return undefined
  },
}

/** Milliseconds in which a delta must reach the client, while the upstream waits for it. */
const deltaMs = 2_000

const lockStep: Check = {
  id: 'stream/as-it-comes',
  claim: 'Each delta reaches the client before the upstream sends the next one: nothing is collected.',
  per: 'lane',
  async run(lab) {
    // equal lengths, so that each is one delta
    const words = ['First. ', 'Other. ', 'Third. ']
    const begun = Promise.withResolvers<Conversation>()
    let missing: string | undefined
    const script: Script = async (exchange) => {
      const conversation = await begun.promise
      await exchange.beginStream()
      for (const frame of exchange.frames({ ...hello, pieces: [{ text: words.join(''), deltas: 3 }] })) {
        await exchange.send(frame)
        const word = words.find((one) => frame.includes(`"${one}"`))
        if (word && !(await becomes(() => conversation.readText.includes(word), deltaMs))) missing ??= word
        if (missing) break
      }
      await exchange.endStream()
    }
    const conversation = lab.begin({ script })
    begun.resolve(conversation)
    await lab.finish(conversation)
    expect(missing === undefined, `"${missing}" did not reach the client within ${deltaMs} ms`, conversation)
    return undefined
  },
}

const contentType: Check = {
  id: 'stream/content-type',
  claim: 'A stream is text/event-stream, has no length, and is not compressed unasked.',
  per: 'surface',
  async run(lab) {
    const { fields, conversation } = await lab.ask()
    const type = fields.get('content-type') ?? ''
    expect(/^text\/event-stream\b/.test(type), `the content type is ${JSON.stringify(type)}`, conversation)
    expect(!fields.has('content-length'), 'a stream has a content-length', conversation)
    expect(!fields.has('content-encoding'), 'the stream is compressed, which nobody asked for', conversation)
    return undefined
  },
}

const names: Check = {
  id: 'stream/event-names',
  claim: 'Events of Responses and Messages have the name that their data states, by which SDKs of Anthropic read them.',
  per: 'lane',
  async run(lab) {
    if (lab.lane.surface === 'chat') throw new NotApplicable('events of Chat Completions have no names')
    const { reading, conversation } = await lab.ask()
    expect(reading.misnamed === undefined, reading.misnamed ?? '', conversation)
    expect(reading.isEnded, 'the stream has no mark of its end', conversation)
    return undefined
  },
}

const length: Check = {
  id: 'stream/cut-by-length',
  claim: 'An answer that reached its limit of tokens does not look complete.',
  per: 'lane',
  async run(lab) {
    const answer: Answer = { ...hello, end: 'length' }
    expectAnswer(await lab.ask({ script: answer }), answer)
    expectAnswer(await lab.ask({ script: answer, isStream: false }), answer)
    return undefined
  },
}

export const streams: Section = {
  name: 'stream',
  title: 'Answers, whole and in time',
  checks: [whole, notStreamed, lockStep, contentType, names, length],
}
