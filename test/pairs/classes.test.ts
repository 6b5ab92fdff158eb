/**
 * The ways in which gateways are known to translate tools wrongly, each between every client's dialect and every upstream's.
 * The emulated services are as strict as the real ones.
 */
import { afterAll, describe, expect, test } from 'bun:test'
import { frame } from '../../src/providers/openai-compatible/emulator/index.ts'
import { type ClientName, pairs, startPairs, type UpstreamName } from './rig.ts'
import { call, type End, joined, model, type Reply, results, type Talk, type Turn, user } from './talk.ts'
import { signatures } from './upstreams.ts'

const rig = await startPairs()
afterAll(() => rig.close())

const hello: Talk = { turns: [user('How is the weather?')], tools: ['weather', 'time'] }
const done: Reply = { pieces: [{ text: 'It rains.' }], end: 'stop' }

/** Tests every pair, or those that `only` keeps. */
function eachPair(
  what: string,
  run: (client: ClientName, upstream: UpstreamName) => Promise<void>,
  only: (client: ClientName, upstream: UpstreamName) => boolean = () => true,
): void {
  describe(what, () => {
    for (const [client, upstream] of pairs)
      if (only(client, upstream)) test(`${client} to ${upstream}`, () => run(client, upstream))
  })
}

/** Tests every pair with streaming and without. */
function eachAnswer(
  what: string,
  run: (client: ClientName, upstream: UpstreamName, isStream: boolean) => Promise<void>,
  only?: (client: ClientName, upstream: UpstreamName) => boolean,
): void {
  const both = async (client: ClientName, upstream: UpstreamName) => {
    await run(client, upstream, false)
    await run(client, upstream, true)
  }
  eachPair(what, both, only)
}

/** The turns that an upstream got, which must have been asked. */
async function sentTurns(client: ClientName, upstream: UpstreamName, talk: Talk): Promise<readonly Turn[]> {
  const { talk: got, status, text } = await rig.ask(client, upstream, { talk, reply: done })
  if (!got || status !== 200) throw new Error(text)
  return got.turns
}

const callsIn = (turns: readonly Turn[]) =>
  turns.flatMap((turn) => (turn.by === 'model' ? turn.pieces.flatMap((piece) => ('call' in piece ? [piece] : [])) : []))
const resultsIn = (turns: readonly Turn[]) => turns.flatMap((turn) => (turn.by === 'tools' ? turn.results : []))

eachAnswer('calls that end with "stop" end with the word for calls', async (client, upstream, isStream) => {
  const reply: Reply = { pieces: [call('call_1'), call('call_2', 'time')], end: 'stop' }
  expect((await rig.ask(client, upstream, { talk: hello, reply, isStream })).reply).toEqual({ ...reply, end: 'calls' })
})

eachAnswer('a filtered answer does not end as a complete one', async (client, upstream, isStream) => {
  const reply: Reply = { pieces: [{ text: 'It r' }], end: 'filter' }
  expect((await rig.ask(client, upstream, { talk: hello, reply, isStream })).reply).toEqual(reply)
})

eachAnswer('a filtered call does not end as a call', async (client, upstream, isStream) => {
  const reply: Reply = { pieces: [call('call_1')], end: 'filter' }
  expect((await rig.ask(client, upstream, { talk: hello, reply, isStream })).reply?.end).toBe('filter')
})

const signed = 'c2lnbmF0dXJlLW9mLWEtdGhvdWdodA=='

eachAnswer(
  "a thought's signature is not hidden in the id of a call, and goes back",
  async (client, _upstream, isStream) => {
    const one = {
      index: 0,
      id: 'call_1',
      type: 'function',
      function: { name: 'weather', arguments: '{}' },
      extra_content: { google: { thought_signature: signed } },
    }
    const choice = (delta: object, finish_reason: string | null) => [{ index: 0, delta, message: delta, finish_reason }]
    const message = { role: 'assistant', content: null, tool_calls: [one] }
    const stream = {
      body: [
        frame({ choices: choice(message, null) }),
        frame({ choices: choice({}, 'tool_calls') }),
        'data: [DONE]\n\n',
      ],
    }
    const whole = {
      headers: { 'content-type': 'application/json' },
      body: [JSON.stringify({ object: 'chat.completion', choices: choice(message, 'tool_calls') })],
    }
    const reply = isStream || client !== 'chat' ? stream : whole
    const { reply: got, text } = await rig.ask(client, 'chat', { talk: hello, reply, isStream })
    expect(got).toEqual({ pieces: [call('call_1', 'weather', {})], end: 'calls' })
    // only this dialect has a place for it
    expect(text.includes(signed)).toBe(client === 'chat')
    // the client drops it, and still it goes back
    const back = [
      ...hello.turns,
      model(call('call_1', 'weather', {})),
      results({ call: 'call_1', pieces: [{ text: 'x' }] }),
    ]
    const { sent } = await rig.ask(client, 'chat', { talk: { ...hello, turns: back }, reply: done })
    expect(sent?.json.messages[1].tool_calls[0]).toMatchObject({ id: 'call_1', extra_content: one.extra_content })
  },
  (_client, upstream) => upstream === 'chat',
)

/** Cleaned in the same way, these would be one id. The last two are longer than some services take. */
const ids = ['call.1', 'call:1', 'call/1', 'call_1', 'call 1', `c${'x'.repeat(70)}1`, `c${'x'.repeat(70)}2`]

eachPair('ids of calls stay different, and results keep their calls', async (client, upstream) => {
  const turns = await sentTurns(client, upstream, {
    ...hello,
    turns: [
      user('How is it?'),
      model(...ids.map((id, at) => call(id, 'weather', { at }))),
      results(...ids.map((id, at) => ({ call: id, pieces: [{ text: `result ${at}` }] }))),
    ],
  })
  const calls = callsIn(turns)
  expect(new Set(calls.map(({ call: id }) => id)).size).toBe(ids.length)
  const texts = new Map(resultsIn(turns).map(({ call: id, pieces }) => [id, pieces]))
  expect(calls.map(({ call: id, input }) => [input, texts.get(id)])).toEqual(
    ids.map((_, at) => [{ at }, [{ text: `result ${at}` }]]),
  )
})

eachPair('an id that comes again in a later turn keeps each result', async (client, upstream) => {
  const round = (at: number) => [
    user(`Turn ${at}`),
    model(call('call_0', 'weather', { at })),
    results({ call: 'call_0', pieces: [{ text: `result ${at}` }] }),
  ]
  const turns = await sentTurns(client, upstream, { ...hello, turns: [...round(1), ...round(2)] })
  expect(callsIn(turns).map(({ input }) => input)).toEqual([{ at: 1 }, { at: 2 }])
  expect(resultsIn(turns).map(({ pieces }) => pieces)).toEqual([[{ text: 'result 1' }], [{ text: 'result 2' }]])
})

const failing = (failed?: true): Talk => ({
  ...hello,
  turns: [
    user('How is it?'),
    model(call('call_1')),
    results({ call: 'call_1', pieces: [{ text: 'There is no such city.' }], ...(failed && { failed }) }),
  ],
})

eachPair('a failed tool has failed, and no other', async (client, upstream) => {
  // only this dialect can say it
  const canFail = client === 'messages'
  for (const failed of canFail ? [true as const, undefined] : [undefined])
    expect(resultsIn(await sentTurns(client, upstream, failing(failed)))).toEqual([
      { call: expect.any(String), pieces: [{ text: 'There is no such city.' }], ...(failed && { failed }) },
    ])
})

const picture = 'iVBORw0KGgo='
const pdf = 'JVBERi0xLjQK'
/** The services that take pictures, and those that take files. */
const taking: Readonly<Record<string, readonly UpstreamName[]>> = {
  picture: ['chat', 'responses', 'anthropic', 'mistral', 'cohere'],
  pdf: ['chat', 'responses', 'anthropic'],
}

for (const [kind, piece] of Object.entries({ picture: { picture }, pdf: { pdf } }))
  eachPair(`a ${kind} of a tool's result is shown or refused, and never deleted`, async (client, upstream) => {
    const given = [
      { call: 'call_1', pieces: [{ text: 'Here it is.' }, piece] },
      { call: 'call_2', pieces: [{ text: 'Late' }] },
    ]
    const turns = [user('Show it.'), model(call('call_1'), call('call_2', 'time')), results(...given), user('And?')]
    const { status, talk, text } = await rig.ask(client, upstream, { talk: { ...hello, turns }, reply: done })
    if (!taking[kind]?.includes(upstream)) {
      expect([status, talk]).toEqual([400, undefined])
      expect(text).toContain('does not support')
      return
    }
    if (!talk || status !== 200) throw new Error(text)
    expect(resultsIn(talk.turns).map(({ pieces }) => pieces)).toEqual(given.map(({ pieces }) => pieces))
    expect(talk.turns.at(-1)).toEqual(user('And?'))
  })

const long = ['a', 'b'].map((end) => `mcp__a_server_with_a_long_name__${'tool_'.repeat(9)}${end}`)

/** Where long names are sent as they are: to services of the client's own dialect, and to those without a limit. */
const sendsLong: Readonly<Record<ClientName, readonly UpstreamName[]>> = {
  chat: ['chat', 'anthropic', 'mistral', 'cohere', 'ai21'],
  responses: [],
  messages: ['anthropic', 'cohere'],
}

eachAnswer(
  'names of over 64 characters are two tools, and come back',
  async (client, upstream, isStream) => {
    const turns = [
      user('How is it?'),
      model(call('call_1', long[1])),
      results({ call: 'call_1', pieces: [{ text: 'x' }] }),
    ]
    const asking = { talk: { turns, tools: long }, isStream }
    const { talk } = await rig.ask(client, upstream, { ...asking, reply: done })
    const [first = '', second = ''] = talk?.tools ?? []
    expect([first === second, talk && callsIn(talk.turns).map(({ name }) => name)]).toEqual([false, [second]])
    const isLong = sendsLong[client].includes(upstream)
    expect([first.length > 64, second.length > 64]).toEqual([isLong, isLong])
    // the model calls what it was offered
    const reply: Reply = { pieces: [call('call_2', first)], end: 'calls' }
    expect((await rig.ask(client, upstream, { ...asking, reply })).reply?.pieces).toEqual([call('call_2', long[0])])
  },
  // OpenAI refuses them from its own clients
  (client, upstream) => client !== 'responses' || upstream !== 'responses',
)

/** Every message with nothing in it: no words and no calls. */
const empty = /"content":(""|\[\]|null)(?!,"(tool_calls|reasoning_content)")|"text":""/

eachPair('no empty message is made up', async (client, upstream) => {
  const turns = [
    user('How is it?'),
    model(call('call_1')),
    results({ call: 'call_1', pieces: [{ text: 'Rain' }] }),
    model({ thought: 'I thought.' }),
    user('And?'),
  ]
  const { sent, status, text } = await rig.ask(client, upstream, { talk: { ...hello, turns }, reply: done })
  expect([status, sent ? sent.body.match(empty)?.[0] : text]).toEqual([200, undefined])
})

eachAnswer('no empty text is made up beside a call', async (client, upstream, isStream) => {
  const reply: Reply = { pieces: [call('call_1')], end: 'calls' }
  expect((await rig.ask(client, upstream, { talk: hello, reply, isStream })).reply).toEqual(reply)
})

const thoughts = ['I look.', 'I look again.'].map((thought, at) => ({ thought, signature: signatures[at] ?? '' }))
/** Whether the thinking of a client reaches the upstream, which may need a signature that the client's dialect has no place for. */
const takesThoughts = (client: ClientName, upstream: UpstreamName) =>
  upstream === 'chat' || upstream === 'cohere' || (upstream === 'anthropic' && client === 'messages')

eachPair(
  'the thinking of every earlier turn goes back',
  async (client, upstream) => {
    const turns = thoughts.flatMap((thought, at) => [
      user(`Question ${at}`),
      model(thought, call(`call_${at}`)),
      results({ call: `call_${at}`, pieces: [{ text: 'Rain' }] }),
    ])
    const sent = await sentTurns(client, upstream, { ...hello, turns })
    const thought = sent.flatMap((turn) =>
      turn.by === 'model' ? turn.pieces.flatMap((piece) => ('thought' in piece ? [piece] : [])) : [],
    )
    expect(thought).toEqual(
      thoughts.map(({ thought, signature }) => (upstream === 'anthropic' ? { thought, signature } : { thought })),
    )
  },
  takesThoughts,
)

eachPair(
  '"one call at a time" reaches the upstream, or the receipt says that it does not',
  async (client, upstream) => {
    const { talk, headers } = await rig.ask(client, upstream, { talk: { ...hello, isSingle: true }, reply: done })
    const name = client === 'messages' ? 'tool_choice.disable_parallel_tool_use' : 'parallel_tool_calls'
    const isTaken = upstream !== 'cohere' && upstream !== 'ai21'
    expect(talk?.isSingle ?? false).toBe(isTaken)
    expect(headers.get('x-tributary-parameters')?.includes(`${name}=dropped`)).toBe(!isTaken)
  },
)

eachAnswer(
  'the thought and the text of one chunk keep their order',
  async (client, upstream, isStream) => {
    const reply: Reply = { pieces: [{ thought: 'Hm.' }, { text: 'It rains.' }, call('call_1')], end: 'calls' }
    const { reply: got } = await rig.ask(client, upstream, { talk: hello, reply, isStream, isOneChunk: true })
    expect(got && { ...got, pieces: joined(got.pieces) }).toEqual(reply)
  },
  (_client, upstream) => upstream === 'chat' || upstream === 'mistral',
)

eachPair('no limit and no mark is made up', async (client, upstream) => {
  const { sent, status } = await rig.ask(client, upstream, { talk: { turns: [user('Hello')] }, reply: done })
  expect(status).toBe(200)
  const limits = [
    'max_tokens',
    'max_completion_tokens',
    'max_output_tokens',
    'temperature',
    'top_p',
    'tools',
    'tool_choice',
    'thinking',
  ]
  const made = limits.filter((name) => sent?.json[name] !== undefined)
  // Anthropic's dialect requires a limit, and a client of it has named one
  const limit = limits.find((name) => sent?.json[name] !== undefined) ?? ''
  expect(made).toEqual(upstream === 'anthropic' || client === 'messages' ? [limit] : [])
  if (client === 'messages') expect(sent?.json[limit]).toBe(500)
  // the marks that the gateway sets for clients that cannot (docs/anthropic.md)
  expect(sent?.body.includes('cache_control')).toBe(upstream === 'anthropic' && client !== 'messages')
})

eachPair("a client's own keys and names of accounts stay here", async (client, upstream) => {
  const secret = 'sk-of-the-client'
  const { sent, status } = await rig.ask(client, upstream, {
    talk: hello,
    reply: done,
    members: { api_key: secret },
    headers: {
      authorization: `Bearer ${secret}`,
      'x-api-key': secret,
      'api-key': secret,
      'openai-organization': 'org-client',
      'openai-project': 'proj-client',
      cookie: 'session=client',
      'x-goog-api-key': secret,
      'anthropic-workspace-id': 'client',
    },
  })
  expect(status).toBe(200)
  const all = `${JSON.stringify(Object.fromEntries(sent?.headers ?? []))}${sent?.body}`
  expect(all.match(/sk-of-the-client|org-client|proj-client|session=client|"client"/)?.[0]).toBeUndefined()
  expect(all).toContain('sk-upstream')
})

/** Members that only the client's dialect knows, and whose names mean something else or nothing elsewhere. */
const own: Readonly<Record<ClientName, object>> = {
  chat: { logit_bias: { '50256': -100 }, verbosity: 'low', prompt_cache_key: 'a', store: false, top_k: 5 },
  responses: {
    truncation: 'auto',
    include: ['reasoning.encrypted_content'],
    prompt_cache_key: 'a',
    client_metadata: { a: 'b' },
    reasoning: { summary: 'auto' },
    text: { verbosity: 'low' },
    metadata: { a: 'b' },
  },
  messages: {
    thinking: { type: 'adaptive' },
    output_config: { effort: 'high' },
    top_k: 5,
    metadata: { user_id: '{"device":"a"}' },
    context_management: { edits: [] },
    service_tier: 'auto',
    documents: 'a',
  },
}

eachPair(
  "members of the client's dialect stay there",
  async (client, upstream) => {
    const members = own[client]
    const { sent, status, text, headers } = await rig.ask(client, upstream, { talk: hello, reply: done, members })
    expect([status, text]).toEqual([200, expect.stringContaining('It rains.')])
    // Cohere and Anthropic have a member for thinking too, which is made of the effort
    const names = Object.keys(members).filter((name) => name !== 'thinking' && name !== 'output_config')
    expect(names.filter((name) => sent?.json[name] !== undefined)).toEqual([])
    expect(JSON.stringify(sent?.json.thinking ?? {})).not.toContain('adaptive')
    const receipt = headers.get('x-tributary-parameters')?.split(', ') ?? []
    expect(Object.keys(members).filter((name) => receipt.includes(`${name}=honoured`))).toEqual([])
  },
  // both of OpenAI's dialects have the same words
  (client, upstream) =>
    upstream !== 'responses' && client !== upstream && (client !== 'messages' || upstream !== 'anthropic'),
)

const everyEnd = ['stop', 'length'] as const satisfies readonly End[]
for (const end of everyEnd)
  eachAnswer(`an answer that ends with "${end}" does so for the client`, async (client, upstream, isStream) => {
    const reply: Reply = { pieces: [{ text: 'It rains.' }], end }
    expect((await rig.ask(client, upstream, { talk: hello, reply, isStream })).reply).toEqual(reply)
  })
