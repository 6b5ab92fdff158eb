import { expect, NotApplicable } from '../lab/failure.ts'
import type { Check, Section } from '../suite/check.ts'
import { type Answer, call, textOf, thoughtOf, user, weather } from '../talk/talk.ts'
import { dataFrame } from '../upstream/dialect.ts'
import type { Script } from '../upstream/exchange.ts'
import { expectAnswer, expectThought } from './expectations.ts'

const thinking: Answer = {
  pieces: [
    { thought: 'The user greets me, so I greet back.', deltas: 5 },
    { text: 'Good day to you.', deltas: 3 },
  ],
  end: 'stop',
  usage: { input: 11, output: 30, reasoning: 20 },
}

const kept: Check = {
  id: 'reasoning/kept',
  claim: "A model's reasoning is shown as reasoning, and not as a part of its answer.",
  per: 'lane',
  async run(lab) {
    for (const isStream of [true, false]) {
      const got = await lab.ask({ script: thinking, isStream })
      expectAnswer(got, thinking)
      expectThought(got, thinking)
    }
    return undefined
  },
}

const beforeCall: Check = {
  id: 'reasoning/before-call',
  claim: 'Reasoning before a tool call is kept, and the call too.',
  per: 'lane',
  async run(lab) {
    const answer: Answer = { pieces: [{ thought: 'I must look at the weather.' }, call('call_1')], end: 'calls' }
    const got = await lab.ask({ script: answer, talk: { turns: [user('How is it?')], tools: [weather] } })
    expectAnswer(got, answer)
    expectThought(got, answer)
    return undefined
  },
}

const oneChunk: Check = {
  id: 'reasoning/one-chunk',
  claim: 'Reasoning and text that come in one chunk are both kept, the reasoning first.',
  per: 'lane',
  credit: 'kairo: text and reasoning of one chunk swapped',
  async run(lab) {
    const script: Script = async (exchange) => {
      if (exchange.surface !== 'chat' || !exchange.isStream) return await exchange.answer(thinking)
      const delta = { content: textOf(thinking.pieces), reasoning_content: thoughtOf(thinking.pieces) }
      const choice = { index: 0, delta, finish_reason: null }
      const [first = '', ...others] = exchange.frames(thinking)
      const chunk = { ...JSON.parse(first.slice('data: '.length)), choices: [choice] }
      await exchange.beginStream()
      for (const frame of [first, dataFrame(chunk), ...others.slice(-3)]) await exchange.send(frame)
      await exchange.endStream()
    }
    const got = await lab.ask({ script })
    if (got.conversation.exchanges[0]?.surface !== 'chat')
      throw new NotApplicable('only Chat Completions of an upstream can say this')
    expectAnswer(got, thinking)
    expectThought(got, thinking)
    const [first] = got.reading.pieces
    expect(first !== undefined && 'thought' in first, 'the text comes before the reasoning', got.conversation)
    return undefined
  },
}

export const reasoning: Section = { name: 'reasoning', title: 'Reasoning', checks: [kept, beforeCall, oneChunk] }
