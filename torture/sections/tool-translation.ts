import { isDeepStrictEqual } from 'node:util'
import { expect, NotApplicable } from '../lab/failure.ts'
import type { Check } from '../suite/check.ts'
import {
  type Answer,
  call,
  callsOf,
  model,
  results,
  type Talk,
  type Tool,
  textOf,
  user,
  weather,
} from '../talk/talk.ts'
import type { Script, UpstreamExchange } from '../upstream/exchange.ts'
import { expectAnswer } from './expectations.ts'
import { picture, sent } from './sent.ts'

const schema = {
  type: 'object',
  properties: {
    city: { type: 'string', description: 'A "city"', enum: ['Paris', '東京'] },
    days: { type: 'array', items: { $ref: '#/$defs/day' }, minItems: 1 },
    at: { anyOf: [{ type: 'string', format: 'date' }, { type: 'null' }] },
  },
  $defs: { day: { type: 'object', properties: { n: { type: 'integer', minimum: 0 } }, required: ['n'] } },
  required: ['city'],
  additionalProperties: false,
}

const toolSchema: Check = {
  id: 'translate/tool-schema',
  claim: "A tool's name, description and schema reach the upstream unchanged.",
  per: 'lane',
  async run(lab) {
    const tool: Tool = { name: 'look_up', description: 'Looks it up.', schema }
    const { got, wants } = await sent(lab, { turns: [user('Look.')], tools: [tool, weather] })
    const first = got.tools?.[0]
    wants(got.tools?.length === 2, `the upstream got ${got.tools?.length} tools`)
    wants(first?.name === tool.name && first.description === tool.description, 'its name or description is another')
    wants(isDeepStrictEqual(first?.schema, schema), `its schema is ${JSON.stringify(first?.schema)}`)
    return undefined
  },
}

const choice: Check = {
  id: 'translate/tool-choice',
  claim: '"required", one tool by its name, and "none" reach the upstream as what they mean.',
  per: 'lane',
  async run(lab) {
    for (const wanted of ['required', { name: 'weather' }] as const) {
      const { got, wants } = await sent(lab, { turns: [user('Look.')], tools: [weather], choice: wanted })
      wants(isDeepStrictEqual(got.choice, wanted), `${JSON.stringify(wanted)} became ${JSON.stringify(got.choice)}`)
    }
    const { got, wants } = await sent(lab, { turns: [user('Look.')], tools: [weather], choice: 'none' })
    wants(got.choice === 'none' || got.tools === undefined, `"none" became ${JSON.stringify(got.choice)}`)
    return undefined
  },
}

const single: Check = {
  id: 'translate/one-call-at-a-time',
  claim: 'A client that wants one call at a time gets that from the upstream.',
  per: 'lane',
  credit: 'kairo: disable_parallel_tool_use lost',
  async run(lab) {
    const { got, wants } = await sent(lab, { turns: [user('Look.')], tools: [weather], isSingle: true })
    wants(got.isSingle === true, 'the upstream may call several tools at once')
    return undefined
  },
}

const resultPicture: Check = {
  id: 'translate/picture-of-result',
  claim: "A picture in a tool's result reaches the upstream, in the result or beside it.",
  per: 'lane',
  credit: 'kairo: pictures of a tool result deleted',
  async run(lab) {
    if (lab.lane.surface === 'chat') throw new NotApplicable('Chat Completions has no pictures in results')
    const shot = results({ call: 'call_1', pieces: [{ text: 'A picture:' }, { picture }] })
    const { exchange, wants } = await sent(lab, {
      turns: [user('Look.'), model(call('call_1')), shot],
      tools: [weather],
    })
    wants(exchange.text.includes(picture), "the picture of the tool's result is lost")
    return undefined
  },
}

const failed: Check = {
  id: 'translate/failed-result',
  claim: 'The upstream can see that a tool failed.',
  per: 'lane',
  credit: 'kairo: is_error lost',
  async run(lab) {
    if (lab.lane.surface !== 'messages') throw new NotApplicable('only Messages says that a tool failed')
    const talkOf = (isFailed: boolean): Talk => ({
      turns: [
        user('Look.'),
        model(call('call_1')),
        results({ call: 'call_1', pieces: [{ text: 'no answer' }], ...(isFailed && { isFailed: true }) }),
      ],
      tools: [weather],
    })
    const plain = ({ text }: UpstreamExchange) => text.replace(/torture-token-\w+/g, '')
    const { exchange: well } = await sent(lab, talkOf(false))
    const { exchange: ill, wants } = await sent(lab, talkOf(true))
    wants(ill.text.includes('no answer'), "the result's text is lost")
    wants(plain(well) !== plain(ill), 'the upstream gets the same for a tool that failed and one that did not')
    return undefined
  },
}

const ids: Check = {
  id: 'translate/distinct-ids',
  claim: 'Two calls whose ids differ only in odd characters stay two calls, each with its own result.',
  per: 'lane',
  credit: 'kairo: two ids that become one after cleaning',
  async run(lab) {
    const talk: Talk = {
      turns: [
        user('Look.'),
        model(call('call-1', 'weather', '{"city":"Paris"}'), call('call_1', 'weather', '{"city":"Rome"}')),
        results({ call: 'call-1', pieces: [{ text: 'sun' }] }, { call: 'call_1', pieces: [{ text: 'rain' }] }),
      ],
      tools: [weather],
    }
    const { got, wants } = await sent(lab, talk)
    const calls = got.turns.flatMap((turn) => (turn.by === 'model' ? callsOf(turn.pieces) : []))
    const given = got.turns.flatMap((turn) => (turn.by === 'tools' ? turn.results : []))
    const [first, second] = calls
    wants(calls.length === 2 && first?.call !== second?.call, 'the two calls have one id')
    const textFor = (id: string | undefined) => textOf(given.find((result) => result.call === id)?.pieces ?? [])
    wants(
      textFor(first?.call).includes('sun') && textFor(second?.call).includes('rain'),
      'the results are exchanged or lost',
    )
    return undefined
  },
}

const longName: Check = {
  id: 'translate/long-name',
  claim: "A tool's long name fits the upstream, and the client gets its call by its own name.",
  per: 'lane',
  credit: 'kairo: a name over 64 characters',
  async run(lab) {
    // Messages takes names of up to 128 characters, the two others of up to 64
    const size = lab.lane.surface === 'messages' ? 100 : 64
    const names = ['a', 'b'].map((end) => 'tool_with_a_long_name_'.repeat(6).slice(0, size - 1) + end)
    const toolNames: string[] = []
    const script: Script = (exchange) => {
      const { tools: got = [] } = exchange.dialect.read(exchange.body)
      toolNames.push(...got.map(({ name }) => name))
      return exchange.answer({ pieces: [call('call_1', got[1]?.name ?? 'none', '{}')], end: 'calls' })
    }
    const talk = { turns: [user('Look.')], tools: names.map((name) => ({ ...weather, name })) }
    const got = await lab.ask({ talk, script })
    const { conversation } = got
    const most = conversation.exchanges[0]?.surface === 'messages' ? 128 : 64
    expect(new Set(toolNames).size === 2, `the upstream got ${new Set(toolNames).size} tools`, conversation)
    expect(
      toolNames.every((name) => name.length <= most),
      `a name has more than ${most} characters`,
      conversation,
    )
    expectAnswer(got, { pieces: [call('call_1', names[1], '{}')], end: 'calls' })
    return undefined
  },
}

const signature: Check = {
  id: 'translate/no-signature-in-id',
  claim: "A thought's signature beside a call is not hidden in the id of the call.",
  per: 'lane',
  credit: 'kairo: a thought signature hidden in a call id',
  async run(lab) {
    const secret = 'c2lnbmF0dXJlIG9mIGEgdGhvdWdodA'
    const answer: Answer = { pieces: [call('call_1')], end: 'calls' }
    const script: Script = async (exchange) => {
      const extra = `"type":"function","extra_content":{"google":{"thought_signature":"${secret}"}}`
      await exchange.beginStream()
      for (const frame of exchange.frames(answer)) await exchange.send(frame.replace('"type":"function"', extra))
      await exchange.endStream()
    }
    const got = await lab.ask({ script, talk: { turns: [user('Look.')], tools: [weather] } })
    if (got.conversation.exchanges[0]?.surface !== 'chat')
      throw new NotApplicable('only Chat Completions of an upstream has such signatures')
    expectAnswer(got, answer)
    const [first] = callsOf(got.reading.pieces)
    expect(
      !first?.call.includes(secret) && (first?.call.length ?? 99) <= 64,
      `the id is ${first?.call}`,
      got.conversation,
    )
    return undefined
  },
}

export const toolTranslation: readonly Check[] = [
  toolSchema,
  choice,
  single,
  resultPicture,
  failed,
  ids,
  longName,
  signature,
]
