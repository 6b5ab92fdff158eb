import { expect } from '../lab/failure.ts'
import type { Ask, Lab } from '../lab/lab.ts'
import type { Check, Section } from '../suite/check.ts'
import { type Answer, call, user, weather } from '../talk/talk.ts'
import type { Script, UpstreamExchange } from '../upstream/exchange.ts'
import { expectVisibleFailure } from './expectations.ts'

const answer: Answer = { pieces: [{ text: 'This answer will be cut before its end.', deltas: 8 }], end: 'stop' }

/** Sends all that comes before the reason of the end, and stops there in some way. */
const cut =
  (cutAnswer: Answer, how: (exchange: UpstreamExchange) => Promise<void> | void): Script =>
  async (exchange) => {
    if (!exchange.isStream) {
      const text = JSON.stringify(exchange.dialect.whole(cutAnswer, exchange.body))
      const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n`
      await exchange.raw(head + text.slice(0, text.length / 2))
      await how(exchange)
      return
    }
    await exchange.beginStream()
    const frames = exchange.frames(cutAnswer)
    const end = frames.findIndex((frame) => /output_item.done|content_block_stop|finish_reason":"/.test(frame))
    for (const frame of frames.slice(0, end)) await exchange.send(frame)
    await how(exchange)
  }

async function fails(lab: Lab, ask: Ask): Promise<undefined> {
  const asked = await lab.ask(ask)
  expect(asked.conversation.exchanges.length > 0, 'the upstream was not asked', asked.conversation)
  expectVisibleFailure(asked)
  return undefined
}

const closed: Check = {
  id: 'cut/closed',
  claim: 'When the upstream closes its connection in the middle, the answer does not look complete.',
  per: 'lane',
  spoils: true,
  run: (lab) => fails(lab, { script: cut(answer, (exchange) => exchange.drop()) }),
}

const reset: Check = {
  id: 'cut/reset',
  claim: "When the upstream's connection breaks in the middle, the answer does not look complete.",
  per: 'lane',
  spoils: true,
  run: (lab) => fails(lab, { script: cut(answer, (exchange) => exchange.reset()) }),
}

const noMark: Check = {
  id: 'cut/no-mark-of-the-end',
  claim:
    'When the stream ends as HTTP says, but without a reason and mark of the end, the answer does not look complete.',
  per: 'lane',
  spoils: true,
  run: (lab) => fails(lab, { script: cut(answer, (exchange) => exchange.endStream()) }),
}

const whole: Check = {
  id: 'cut/not-streamed',
  claim: 'Half of a body is not given as an answer.',
  per: 'lane',
  spoils: true,
  run: (lab) => fails(lab, { script: cut(answer, (exchange) => exchange.drop()), isStream: false }),
}

const noHead: Check = {
  id: 'cut/before-head',
  claim:
    'When the upstream closes its connection without a word, the client gets a failure with a status of 500 or more.',
  per: 'lane',
  spoils: true,
  async run(lab) {
    const { status, conversation } = await lab.ask({ script: async (exchange) => exchange.drop() })
    expect(conversation.exchanges.length > 0, 'the upstream was not asked', conversation)
    expect(status >= 500, `the status is ${status}`, conversation)
    return `status ${status}`
  },
}

const inArguments: Check = {
  id: 'cut/in-arguments',
  claim: 'A tool call whose arguments are cut is not given as a call to run.',
  per: 'lane',
  spoils: true,
  async run(lab) {
    const called: Answer = { pieces: [call('call_1', 'weather', '{"city":"Paris","days":[1,2,3,4]}')], end: 'calls' }
    const script = cut(called, (exchange) => exchange.drop())
    await fails(lab, { script, talk: { turns: [user('How is the weather?')], tools: [weather] } })
    return undefined
  },
}

export const truncation: Section = {
  name: 'cut',
  title: 'Upstreams that are cut',
  checks: [closed, reset, noMark, whole, noHead, inArguments],
}
