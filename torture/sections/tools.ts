import { expect, NotApplicable } from '../lab/failure.ts'
import type { Lab } from '../lab/lab.ts'
import type { Check, Section } from '../suite/check.ts'
import { type Answer, call, callsOf, model, results, type Talk, user, weather } from '../talk/talk.ts'
import type { Script } from '../upstream/exchange.ts'
import { argumentsOf, expectAnswer } from './expectations.ts'

const talk: Talk = { turns: [user('How is the weather?')], tools: [weather] }

/** Wants the same answer with streaming and without. */
async function both(lab: Lab, answer: Answer): Promise<undefined> {
  expectAnswer(await lab.ask({ script: answer, talk }), answer)
  expectAnswer(await lab.ask({ script: answer, talk, isStream: false }), answer)
  return undefined
}

const one: Check = {
  id: 'tool/one-call',
  claim: 'A call has its id, its name and its arguments, however many pieces they come in.',
  per: 'lane',
  run: (lab) => both(lab, { pieces: [{ ...call('call_1'), deltas: 9 }], end: 'calls' }),
}

const parallel: Check = {
  id: 'tool/parallel',
  claim: 'Parallel calls stay apart: each has an index and an id of its own, and its own arguments.',
  per: 'lane',
  run: (lab) =>
    both(lab, {
      pieces: ['Paris', 'Rome', 'Oslo'].map((city, at) => ({
        ...call(`call_${at}`, 'weather', JSON.stringify({ city })),
        deltas: 4,
      })),
      end: 'calls',
    }),
}

const interleaved: Check = {
  id: 'tool/interleaved',
  claim: 'Pieces of parallel calls that come in turns are put together by their index.',
  per: 'lane',
  async run(lab) {
    const cities = ['Paris', 'Rome'].map((city, at) => call(`call_${at}`, 'weather', JSON.stringify({ city })))
    const answer: Answer = { pieces: cities, end: 'calls' }
    const script: Script = async (exchange) => {
      if (exchange.surface !== 'chat') return await exchange.answer(answer)
      await exchange.beginStream()
      const [first = '', a1 = '', a2 = '', a3 = '', b1 = '', b2 = '', b3 = '', ...rest] = exchange.frames(answer)
      for (const frame of [first, a1, b1, a2, b2, b3, a3, ...rest]) await exchange.send(frame)
      await exchange.endStream()
    }
    const got = await lab.ask({ script, talk })
    if (got.conversation.exchanges[0]?.surface !== 'chat')
      throw new NotApplicable('only Chat Completions of an upstream can say this')
    expectAnswer(got, answer)
    return undefined
  },
}

const textBefore: Check = {
  id: 'tool/text-before',
  claim: 'What the model says before a call is kept.',
  per: 'lane',
  run: (lab) => both(lab, { pieces: [{ text: 'Let me look.' }, call('call_1')], end: 'calls' }),
}

const noArguments: Check = {
  id: 'tool/no-arguments',
  claim: 'The arguments of a call without any are an empty object or nothing, never "null" or invalid JSON.',
  per: 'lane',
  run: (lab) => both(lab, { pieces: [call('call_1', 'weather', '{}')], end: 'calls' }),
}

const long: Check = {
  id: 'tool/long-arguments',
  claim: 'Arguments of 200,000 characters in 1,000 pieces arrive whole.',
  per: 'lane',
  run: (lab) => {
    const json = JSON.stringify({ city: 'Paris. '.repeat(28_572) })
    return both(lab, { pieces: [{ ...call('call_1', 'weather', json), deltas: 1_000 }], end: 'calls' })
  },
}

const odd: Check = {
  id: 'tool/odd-arguments',
  claim: 'Escapes, emoji, nested lists and empty keys in arguments survive.',
  per: 'lane',
  run: (lab) => {
    const json = JSON.stringify({ city: '"\\\n\u0001 👩‍👩‍👧', '': [[], {}, null, true, -1.5e-7], __proto: { a: ' ' } })
    return both(lab, { pieces: [{ ...call('call_1', 'weather', json), deltas: 30 }], end: 'calls' })
  },
}

const digits: Check = {
  id: 'tool/digits',
  claim: 'Arguments keep their bytes where both sides write them as text: a number of 20 digits is not rounded.',
  per: 'lane',
  async run(lab) {
    const json = '{"city":"Paris","id":12345678901234567890,"price":1.10}'
    const answer: Answer = { pieces: [{ ...call('call_1', 'weather', json), deltas: 3 }], end: 'calls' }
    for (const isStream of [true, false]) {
      const { reading, conversation } = await lab.ask({ script: answer, talk, isStream })
      const upstream = conversation.exchanges[0]?.surface
      if (lab.lane.surface === 'messages' || upstream === 'messages')
        throw new NotApplicable('Messages has arguments as an object')
      const [read] = callsOf(reading.pieces)
      expect(read?.json === json, `the arguments are ${read?.json}, not ${json}`, conversation)
    }
    return undefined
  },
}

const finishWord: Check = {
  id: 'tool/ends-with-stop',
  claim: 'Calls of an upstream that ends with "stop" end with the word for calls.',
  per: 'lane',
  credit: 'kairo: stop with calls',
  async run(lab) {
    const said: Answer = { pieces: [call('call_1')], end: 'stop' }
    const wanted: Answer = { ...said, end: 'calls' }
    const got = await lab.ask({ script: said, talk })
    if (got.conversation.exchanges[0]?.surface === 'messages' && lab.lane.surface === 'messages')
      throw new NotApplicable('the words of a Messages upstream are its own')
    expectAnswer(got, wanted)
    expectAnswer(await lab.ask({ script: said, talk, isStream: false }), wanted)
    return undefined
  },
}

const roundTrip: Check = {
  id: 'tool/round-trip',
  claim: 'The call and its result go back to the upstream in the next turn, and belong together by their id.',
  per: 'lane',
  async run(lab) {
    const answer: Answer = { pieces: [call('call_a'), call('call_b', 'weather', '{"city":"Rome"}')], end: 'calls' }
    const first = await lab.ask({ script: answer, talk })
    const calls = callsOf(first.reading.pieces)
    expect(calls.length === 2, `there are ${calls.length} calls`, first.conversation)
    const [given = call(''), other = call('')] = calls
    const said = results(
      { call: given.call, pieces: [{ text: 'Sun in Paris.' }] },
      { call: other.call, pieces: [{ text: 'Rain in Rome.' }] },
    )
    const second = await lab.ask({ talk: { ...talk, turns: [...talk.turns, model(...calls), said] } })
    const exchange = second.conversation.exchanges[0]
    expect(exchange !== undefined, `the second turn did not reach the upstream: ${second.text}`, second.conversation)
    const { turns } = exchange.dialect.read(exchange.body)
    const sent = turns.flatMap((turn) => (turn.by === 'model' ? callsOf(turn.pieces) : []))
    const got = turns.flatMap((turn) => (turn.by === 'tools' ? turn.results : []))
    for (const [text, city] of [
      ['Sun in Paris.', 'Paris'],
      ['Rain in Rome.', 'Rome'],
    ]) {
      const result = got.find(({ pieces }) => JSON.stringify(pieces).includes(text ?? ''))
      const owner = sent.find((one) => one.call === result?.call)
      expect(
        argumentsOf(owner?.json ?? '').city === city,
        `"${text}" is the result of another call`,
        second.conversation,
      )
    }
    return undefined
  },
}

export const tools: Section = {
  name: 'tool',
  title: 'Tool calls',
  checks: [one, parallel, interleaved, textBefore, noArguments, long, odd, digits, finishWord, roundTrip],
}
