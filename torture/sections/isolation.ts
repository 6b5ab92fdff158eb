import { expect, NotApplicable } from '../lab/failure.ts'
import { hello, type Lab } from '../lab/lab.ts'
import { sleep } from '../lab/waiting.ts'
import type { Check, Section } from '../suite/check.ts'
import type { Script } from '../upstream/exchange.ts'

/** What the upstream was sent: all headers and the body. */
async function sentTo(lab: Lab, ask: Parameters<Lab['ask']>[0]) {
  const { conversation, status } = await lab.ask(ask)
  const exchange = conversation.exchanges[0]
  expect(exchange !== undefined, `the upstream was not asked (status ${status})`, conversation)
  return { text: `${JSON.stringify([...exchange.head.fields])} ${exchange.text}`, conversation }
}

const clientKey: Check = {
  id: 'isolation/client-key',
  claim: "The client's own key reaches no upstream.",
  per: 'lane',
  needs: 'key',
  async run(lab) {
    const { text, conversation } = await sentTo(lab, {})
    expect(!text.includes(lab.target.key ?? ''), "the upstream got the client's key", conversation)
    return undefined
  },
}

const clientFields: Check = {
  id: 'isolation/client-headers',
  claim: "The client's cookies, organisation and address of a proxy reach no upstream.",
  per: 'lane',
  credit: "kairo: a client's OpenAI-Organization forwarded",
  async run(lab) {
    const fields = {
      cookie: 'session=torture-secret-1',
      'openai-organization': 'torture-secret-2',
      'proxy-authorization': 'Basic torture-secret-3',
      'x-forwarded-authorization': 'torture-secret-4',
    }
    const { text, conversation } = await sentTo(lab, { fields })
    const leaked = Object.entries(fields).filter(([, value]) =>
      text.includes(value.replace(/^.*(torture-secret)/, '$1')),
    )
    expect(leaked.length === 0, `the upstream got ${leaked.map(([name]) => name).join(', ')}`, conversation)
    return undefined
  },
}

const bodyKey: Check = {
  id: 'isolation/api-key-in-body',
  claim: 'A key that a client sends in the member api_key of a body reaches no upstream.',
  per: 'lane',
  credit: "kairo: a client's api_key forwarded",
  async run(lab) {
    const { conversation } = await lab.ask({ members: { api_key: 'torture-secret-5' } })
    const leaked = conversation.exchanges.some(({ text }) => text.includes('torture-secret-5'))
    expect(!leaked, "the upstream got the client's api_key", conversation)
    expect(conversation.status > 0, 'there is no reply', conversation)
    // a gateway may refuse the member; then it must answer without it
    if (conversation.exchanges.length === 0) expect((await lab.ask()).status === 200, 'it does not answer without it')
    return undefined
  },
}

const upstreamKey: Check = {
  id: 'isolation/upstream-key',
  claim: 'A key that an upstream quotes in its error is not shown to the client.',
  per: 'lane',
  spoils: true,
  async run(lab) {
    for (const status of [400, 500]) {
      const script: Script = (exchange) => {
        const message = `Something is wrong with the key ${exchange.credential}.`
        return exchange.fail(status, { message, type: 'invalid_request_error', code: 'invalid_api_key' })
      }
      const { conversation, text } = await lab.ask({ script })
      const exchange = conversation.exchanges[0]
      expect(exchange !== undefined, 'the upstream was not asked', conversation)
      if (conversation.connection.sent.text().includes(exchange.credential))
        throw new NotApplicable("the upstream's key is the client's own")
      expect(exchange.credential.length > 3, 'the gateway has no key of its own for the upstream', conversation)
      expect(text !== '', 'there is no error', conversation)
      expect(!text.includes(exchange.credential), "the client sees the gateway's key for the upstream", conversation)
    }
    return undefined
  },
}

const upstreamFields: Check = {
  id: 'isolation/upstream-headers',
  claim: "The upstream's cookies and organisation are not passed on to clients.",
  per: 'lane',
  async run(lab) {
    const fields = { 'set-cookie': 'session=torture-secret-6', 'openai-organization': 'torture-secret-7' }
    for (const isStream of [true, false]) {
      const script: Script = async (exchange) => {
        if (!exchange.isStream) return await exchange.json(exchange.dialect.whole(hello, exchange.body), 200, fields)
        await exchange.beginStream(fields)
        for (const frame of exchange.frames(hello)) await exchange.send(frame)
        await exchange.endStream()
      }
      const { status, fields: got, conversation } = await lab.ask({ script, isStream })
      expect(status === 200, `the status is ${status}`, conversation)
      const leaked = [...got].filter(([, value]) => value.includes('torture-secret')).map(([name]) => name)
      expect(leaked.length === 0, `the client got ${leaked.join(', ')}`, conversation)
    }
    return undefined
  },
}

const ownAnswer: Check = {
  id: 'isolation/own-answer',
  claim: 'The same prompt twice is two requests to the upstream: nobody gets an old answer unasked.',
  per: 'lane',
  async run(lab) {
    const first = { ...hello, pieces: [{ text: 'The first answer.' }] }
    const second = { ...hello, pieces: [{ text: 'The second answer.' }] }
    const { script, exchanges } = alternating(first, second)
    const { token } = lab.upstream.script(script)
    for (const wanted of ['The first answer.', 'The second answer.']) {
      const { text, status, conversation } = await lab.ask({ token, isStream: false })
      expect(status === 200, `the status is ${status}`, conversation)
      expect(text.includes(wanted), `the answer is not ${JSON.stringify(wanted)}`, conversation)
    }
    return `${exchanges.count} requests`
  },
}

/** Answers in turn. */
function alternating(first: typeof hello, second: typeof hello) {
  const exchanges = { count: 0 }
  const script: Script = (exchange) => exchange.answer(exchanges.count++ % 2 === 0 ? first : second)
  return { script, exchanges }
}

const once: Check = {
  id: 'isolation/asked-once',
  claim: 'A request that is answered reaches the upstream once: it is not paid twice.',
  per: 'lane',
  async run(lab) {
    for (const isStream of [true, false]) {
      const { conversation } = await lab.ask({ isStream })
      await sleep(50)
      const count = conversation.exchanges.length
      expect(count === 1, `the upstream was asked ${count} times`, conversation)
    }
    return undefined
  },
}

export const isolation: Section = {
  name: 'isolation',
  title: 'What stays on its own side',
  checks: [clientKey, clientFields, bodyKey, upstreamKey, upstreamFields, ownAnswer, once],
}
