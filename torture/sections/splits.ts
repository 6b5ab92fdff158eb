import { hello } from '../lab/lab.ts'
import type { Check, Section } from '../suite/check.ts'
import { type Answer, call, user, weather } from '../talk/talk.ts'
import type { Script } from '../upstream/exchange.ts'
import { expectAnswer } from './expectations.ts'

const odd: Answer = {
  ...hello,
  pieces: [{ text: 'Grüße 你好 👩‍👩‍👧 \u2028 and a "quote" \\ and \ttab.', deltas: 5 }],
}

const everyByte: Script = async (exchange) => {
  await exchange.beginStream()
  for (const byte of Buffer.from(exchange.frames(odd).join(''))) await exchange.send(Buffer.of(byte))
  await exchange.endStream()
}

const bytewise: Check = {
  id: 'split/every-byte',
  claim: 'An answer whose bytes come one by one is the same, characters of several bytes included.',
  per: 'lane',
  async run(lab) {
    expectAnswer(await lab.ask({ script: everyByte }), odd)
    return undefined
  },
}

const atOnce: Check = {
  id: 'split/all-at-once',
  claim: 'An answer whose events come in one packet is the same.',
  per: 'lane',
  async run(lab) {
    const script: Script = async (exchange) => {
      await exchange.beginStream()
      await exchange.send(exchange.frames(odd).join(''))
      await exchange.endStream()
    }
    expectAnswer(await lab.ask({ script }), odd)
    return undefined
  },
}

const odds: Check = {
  id: 'split/odd-lines',
  claim: 'Comments, CR LF, a missing space after "data:", and the fields id and retry change nothing.',
  per: 'lane',
  async run(lab) {
    const script: Script = async (exchange) => {
      await exchange.beginStream()
      await exchange.send(': a comment\r\n\r\nretry: 5000\r\n\r\n')
      for (const [at, frame] of exchange.frames(odd).entries()) {
        const lines = frame.replace('data: ', 'data:').replaceAll('\n', '\r\n')
        await exchange.send(`: ping\r\n\r\nid: ${at}\r\n${lines}`)
      }
      await exchange.endStream()
    }
    expectAnswer(await lab.ask({ script }), odd)
    return undefined
  },
}

const calls: Check = {
  id: 'split/calls-every-byte',
  claim: 'Tool calls whose bytes come one by one are the same.',
  per: 'lane',
  async run(lab) {
    const answer: Answer = {
      pieces: [call('call_1', 'weather', '{"city":"Zürich 東京"}'), call('call_2')],
      end: 'calls',
    }
    const script: Script = async (exchange) => {
      await exchange.beginStream()
      for (const byte of Buffer.from(exchange.frames(answer).join(''))) await exchange.send(Buffer.of(byte))
      await exchange.endStream()
    }
    const talk = { turns: [user('How is the weather?')], tools: [weather] }
    expectAnswer(await lab.ask({ script, talk }), answer)
    return undefined
  },
}

export const splits: Section = {
  name: 'split',
  title: 'Bytes in any split',
  checks: [bytewise, atOnce, odds, calls],
}
