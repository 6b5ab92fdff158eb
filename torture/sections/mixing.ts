import type { Conversation } from '../lab/conversation.ts'
import { expect } from '../lab/failure.ts'
import type { Lab } from '../lab/lab.ts'
import { sleep } from '../lab/waiting.ts'
import type { Check, Section } from '../suite/check.ts'
import { type Answer, call, user, weather } from '../talk/talk.ts'
import type { Script } from '../upstream/exchange.ts'
import { expectAnswer } from './expectations.ts'

const credit = 'gatewayproof: concurrent-isolation'
const atOnce = { quick: 40, full: 200 } as const

/** An answer that only one of the clients may get. */
const answerOf = (at: number): Answer => ({
  pieces: [{ text: `${`client ${at}; `.repeat(12)}`, deltas: 12 }],
  end: 'stop',
  usage: { input: 1_000 + at, output: 5_000 + at },
})

/** Streams in small steps, so that the answers of all clients come in turns. */
const inTurns =
  (answer: Answer): Script =>
  async (exchange) => {
    if (!exchange.isStream) {
      await sleep(Math.random() * 20)
      return await exchange.answer(answer)
    }
    await exchange.beginStream()
    for (const frame of exchange.frames(answer)) {
      await exchange.send(frame)
      await sleep(Math.random() * 5)
    }
    await exchange.endStream()
  }

async function all(lab: Lab, isStream: boolean): Promise<string> {
  const begun: (readonly [Conversation, Answer])[] = Array.from({ length: atOnce[lab.effort] }, (_, at) => {
    const answer = answerOf(at)
    return [lab.begin({ script: inTurns(answer), isStream }), answer]
  })
  for (const [conversation, answer] of begun) {
    const got = await lab.finish(conversation)
    expectAnswer({ ...got, conversation }, answer)
    const { usage } = got.reading
    expect(usage?.output === answer.usage?.output, 'the usage is that of another client', conversation)
  }
  return `${begun.length} at once`
}

const streamed: Check = {
  id: 'mix/streamed',
  claim: 'Answers that are streamed at the same time do not mix.',
  per: 'lane',
  credit,
  run: (lab) => all(lab, true),
}

const whole: Check = {
  id: 'mix/not-streamed',
  claim: 'Answers that are given at the same time do not mix.',
  per: 'lane',
  credit,
  run: (lab) => all(lab, false),
}

const calls: Check = {
  id: 'mix/calls',
  claim: 'Tool calls of answers that are streamed at the same time do not mix.',
  per: 'lane',
  async run(lab) {
    const begun: (readonly [Conversation, Answer])[] = Array.from({ length: 20 }, (_, at) => {
      const pieces = [0, 1].map((one) => ({
        ...call(`call_${at}_${one}`, 'weather', JSON.stringify({ city: `${at}-${one}` })),
        deltas: 5,
      }))
      const answer: Answer = { pieces, end: 'calls' }
      const talk = { turns: [user('How is it?')], tools: [weather] }
      return [lab.begin({ script: inTurns(answer), talk }), answer]
    })
    for (const [conversation, answer] of begun)
      expectAnswer({ ...(await lab.finish(conversation)), conversation }, answer)
    return undefined
  },
}

export const mixing: Section = { name: 'mix', title: 'Many clients at once', checks: [streamed, whole, calls] }
