import { expect } from '../lab/failure.ts'
import { hello, type Lab } from '../lab/lab.ts'
import { sleep } from '../lab/waiting.ts'
import type { Check, Section } from '../suite/check.ts'
import type { Script } from '../upstream/exchange.ts'

/** Asks twice on one connection, unless the first reply says that it is the last one. */
async function again(lab: Lab, first: { readonly body?: string; readonly isStream?: boolean }): Promise<undefined> {
  const connection = lab.connect()
  const begun = lab.begin({ connection, ...first })
  const { fields, status } = await lab.finish(begun)
  expect(status > 0, 'there is no reply', begun)
  const isLast = /close/i.test(fields.get('connection') ?? '')
  if (isLast) return undefined
  await sleep(50)
  const next = lab.begin({ connection, isStream: false })
  const { status: second } = await lab.finish(next)
  expect(second === 200, `the next request on the connection gets ${second === 0 ? 'no reply' : second}`, next)
  return undefined
}

const afterStream: Check = {
  id: 'keepalive/after-stream',
  claim: 'After a stream the connection takes the next request, or the reply said that it closes.',
  per: 'surface',
  run: (lab) => again(lab, {}),
}

const afterError: Check = {
  id: 'keepalive/after-error',
  claim: 'After an error the connection takes the next request, or the reply said that it closes.',
  per: 'surface',
  run: (lab) => again(lab, { body: '{' }),
}

const upstreamCloses: Check = {
  id: 'keepalive/upstream-closes',
  claim: 'An upstream that closes its idle connections costs no client an answer.',
  per: 'surface',
  together: true,
  async run(lab) {
    const script: Script = async (exchange) => {
      await exchange.answer(hello)
      exchange.drop()
    }
    for (let at = 0; at < 5; at++) {
      const { status, conversation } = await lab.ask({ script, isStream: false })
      expect(status === 200, `request ${at + 1} gets ${status}`, conversation)
      await sleep(20)
    }
    return undefined
  },
}

const silenceMs = { quick: 1_500, full: 45_000 } as const

const silence: Check = {
  id: 'keepalive/silence',
  claim: 'A stream survives the silence of a model that thinks: 1.5 s, with --full 45 s.',
  per: 'surface',
  together: true,
  async run(lab) {
    const ms = silenceMs[lab.effort]
    const script: Script = async (exchange) => {
      await exchange.beginStream()
      const frames = exchange.frames(hello)
      for (const [at, frame] of frames.entries()) {
        if (at === Math.floor(frames.length / 2)) await sleep(ms)
        await exchange.send(frame)
      }
      await exchange.endStream()
    }
    const conversation = lab.begin({ script })
    const { reading } = await lab.finish(conversation, ms + 15_000)
    expect(reading.isEnded, `the stream broke within a silence of ${ms / 1000} s`, conversation)
    return undefined
  },
}

export const keepAlive: Section = {
  name: 'keepalive',
  title: 'Connections that live on',
  checks: [afterStream, afterError, upstreamCloses, silence],
}
