import { isDeepStrictEqual } from 'node:util'
import { expect, NotApplicable } from '../lab/failure.ts'
import { type Ask, hello, type Lab } from '../lab/lab.ts'
import type { Check, Section } from '../suite/check.ts'
import {
  type Answer,
  call,
  callsOf,
  model,
  results,
  system,
  type Talk,
  type Tool,
  textOf,
  user,
  weather,
} from '../talk/talk.ts'
import type { Script, UpstreamExchange } from '../upstream/exchange.ts'
import { expectAnswer } from './expectations.ts'

/** A PNG picture of one pixel. */
const picture = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

/** Sends a conversation, and returns what the upstream got. */
async function sent(lab: Lab, talk: Talk, ask: Ask = {}) {
  const { status, text, conversation } = await lab.ask({ talk, isStream: false, ...ask })
  const exchange = conversation.exchanges[0]
  expect(
    exchange !== undefined,
    () => `the upstream was not asked: status ${status}, ${text.slice(0, 200)}`,
    conversation,
  )
  const got = exchange.dialect.read(exchange.body)
  return { exchange, got, conversation, wants: (isSo: boolean, message: string) => expect(isSo, message, conversation) }
}

/** The texts of the user, of the model and of the system, in their order, without the script's token. */
const linesOf = ({ turns }: Talk): readonly string[] =>
  turns.flatMap((turn) => {
    if (turn.by === 'tools') return turn.results.map(({ pieces }) => `result: ${textOf(pieces)}`)
    const text = textOf(turn.pieces).replace(/ ?torture-token-\w+/, '')
    const calls = callsOf(turn.pieces).map(({ name }) => `call: ${name}`)
    return [...(text === '' ? [] : [`${turn.by}: ${text}`]), ...calls]
  })

const looked: Talk = {
  turns: [
    system('You are a weather service. Say °C.'),
    user('How is Paris?'),
    model(call('call_1')),
    results({ call: 'call_1', pieces: [{ text: 'Sun, 21 °C' }] }),
    model('It is sunny.'),
    user('And "Rome"?\n\t— 罗马 🌧'),
  ],
  tools: [weather],
}

const turns: Check = {
  id: 'translate/turns',
  claim: 'System prompt, turns, calls and results reach the upstream in their order and with their words.',
  per: 'lane',
  async run(lab) {
    const { got, wants } = await sent(lab, looked)
    const [read, said] = [linesOf(got), linesOf(looked)]
    wants(isDeepStrictEqual(read, said), `the upstream got ${JSON.stringify(read)}, not ${JSON.stringify(said)}`)
    return undefined
  },
}

const phantom: Check = {
  id: 'translate/no-empty-message',
  claim: 'No empty message is made up, as beside a turn that only calls tools.',
  per: 'lane',
  credit: 'kairo: a phantom empty message',
  async run(lab) {
    const { got, wants, exchange } = await sent(lab, looked)
    const empty = got.turns.filter((turn) => turn.by !== 'tools' && turn.pieces.length === 0)
    wants(empty.length === 0, 'a message has no content at all')
    wants(!/"(text|content)":\s*""/.test(exchange.text), 'a message has an empty text')
    return undefined
  },
}

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

const parameters: Check = {
  id: 'translate/parameters',
  claim: 'Temperature, top_p, the limit of tokens and stop sequences reach the upstream where its dialect has them.',
  per: 'lane',
  async run(lab) {
    const wanted = { temperature: 0.5, topP: 0.75, maxTokens: 321, stop: ['END', 'STOP!'] }
    const { got, wants, exchange } = await sent(lab, { turns: [user('Talk.')], ...wanted })
    for (const name of ['temperature', 'topP', 'maxTokens'] as const)
      wants(got[name] === wanted[name], `${name} is ${got[name]}, not ${wanted[name]}`)
    // the Responses API has no stop sequences, neither for clients nor for upstreams
    const hasStop = lab.lane.surface !== 'responses' && exchange.surface !== 'responses'
    wants(!hasStop || isDeepStrictEqual(got.stop, wanted.stop), `stop is ${JSON.stringify(got.stop)}`)
    return undefined
  },
}

const invented: Check = {
  id: 'translate/nothing-invented',
  claim: 'The upstream gets no sampling parameter, limit or cache mark that the client did not send.',
  per: 'lane',
  credit: 'kairo: invented cache_control or max_tokens',
  async run(lab) {
    const { exchange, wants } = await sent(lab, { turns: [user('Talk.')] })
    // Messages cannot be asked without a limit
    const limits =
      exchange.surface === 'messages' || lab.lane.surface === 'messages'
        ? []
        : ['max_tokens', 'max_completion_tokens', 'max_output_tokens']
    const members = [
      'temperature',
      'top_p',
      'top_k',
      'stop',
      'stop_sequences',
      'seed',
      'presence_penalty',
      'frequency_penalty',
      ...limits,
    ]
    const found = members.filter((name) => (exchange.body[name] ?? null) !== null)
    wants(found.length === 0, `the upstream got ${found.join(', ')}`)
    // where only the upstream's dialect has marks of its caches, they are the gateway's to set
    const mayMark = exchange.surface === 'messages' && lab.lane.surface !== 'messages'
    wants(mayMark || !exchange.text.includes('cache_control'), 'the upstream got cache_control')
    return undefined
  },
}

const userPicture: Check = {
  id: 'translate/picture',
  claim: "A user's picture reaches the upstream as a picture.",
  per: 'lane',
  async run(lab) {
    const { got, wants } = await sent(lab, { turns: [user('What is this?', { picture })] })
    const pieces = got.turns.flatMap((turn) => (turn.by === 'user' ? turn.pieces : []))
    wants(
      pieces.some((piece) => 'picture' in piece && piece.picture === picture),
      'the upstream got no picture',
    )
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

const filter: Check = {
  id: 'translate/filter',
  claim: 'An answer that a filter ended does not look complete.',
  per: 'lane',
  credit: 'kairo: content_filter as a normal end',
  async run(lab) {
    const answer: Answer = { ...hello, end: 'filter' }
    for (const isStream of [true, false]) {
      const { reading, conversation } = await lab.ask({ script: answer, isStream })
      const isNormal = reading.end === 'stop' || reading.end === 'calls'
      expect(conversation.exchanges.length > 0, 'the upstream was not asked', conversation)
      expect(!isNormal, `the answer ended by "${reading.end}"`, conversation)
    }
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

const thoughts: Check = {
  id: 'translate/earlier-thinking',
  claim: 'Thinking of earlier turns goes back to an upstream of Messages with its signature.',
  per: 'lane',
  credit: 'kairo: thinking of earlier turns dropped',
  async run(lab) {
    const said = { thought: 'I must look.', signature: 'c2lnbmVkIGJ5IHRoZSB1cHN0cmVhbQ==' }
    const given = results({ call: 'call_1', pieces: [{ text: 'sun' }] })
    const talk: Talk = { turns: [user('Look.'), model(said, call('call_1')), given], tools: [weather] }
    if (lab.lane.surface !== 'messages') throw new NotApplicable('only Messages has signed thinking')
    const { got, exchange, wants } = await sent(lab, talk)
    if (exchange.surface !== 'messages') throw new NotApplicable('the upstream is none of Messages')
    const pieces = got.turns.flatMap((turn) => (turn.by === 'model' ? turn.pieces : []))
    wants(
      pieces.some((piece) => isDeepStrictEqual(piece, said)),
      'the thinking or its signature is lost',
    )
    return undefined
  },
}

export const translation: Section = {
  name: 'translate',
  title: 'Translation of conversations and tools',
  checks: [
    turns,
    phantom,
    toolSchema,
    choice,
    single,
    parameters,
    invented,
    userPicture,
    resultPicture,
    failed,
    ids,
    longName,
    filter,
    signature,
    thoughts,
  ],
}
