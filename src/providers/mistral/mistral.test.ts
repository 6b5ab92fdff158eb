import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { anybody } from '../../chat/caller.ts'
import { asChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { noThread } from '../../chat/thread.ts'
import { type EmulatedService, frame } from '../../clients/openai-chat/emulator/service.ts'
import { Environment } from '../../config/environment.ts'
import { decodeRequest } from '../../dialects/openai-chat/decode-request.ts'
import { Attempts } from '../../flow/attempts.ts'
import { newReceipt } from '../../flow/call.ts'
import { events as eventsOf } from '../../flow/flow.ts'
import { support } from '../../gateway/layers/support.ts'
import { openLog } from '../../telemetry/log.ts'
import type { Script } from '../../wire/emulator/script.ts'
import { machine, newCancel } from '../../wire/machine.double.ts'
import { sseData } from '../../wire/sse.ts'
import { emulateMistral } from './emulator/index.ts'
import { provider } from './index.ts'

const never = newCancel()
const log = openLog({ runtime: machine, level: 'silent', format: 'json', write: () => undefined })
const json = { 'content-type': 'application/json' }
const key = 'key-of-the-tests'

let mistral: EmulatedService
beforeAll(async () => {
  mistral = await emulateMistral({ keys: [key] })
})
afterAll(() => mistral.close())

function upstreamAt(origin: string, token = key) {
  const [upstream] = provider.configure(new Environment({ MISTRAL_TOKEN: token, MISTRAL_BASE_URL: origin }))
  const [account] = upstream?.accounts ?? []
  if (!upstream || !account) throw new Error('the test is misconfigured')
  return { upstream, account }
}

/** Sends the body of a client of OpenAI's dialect, and returns what the client gets. */
async function ask(body: object, token = key) {
  const { upstream, account } = upstreamAt(mistral.origin, token)
  const receipt = newReceipt()
  const chat = support(
    'mistral',
    upstream.support,
  )((request, call) => upstream.chat(request, { ...call, account, thread: noThread }))
  const { request } = decodeRequest({ model: 'mistral-small-latest', messages: [hello], ...body })
  const events: ChatEvent[] = []
  for await (const event of eventsOf(
    chat(request, {
      id: 'one',
      caller: anybody,
      hops: 0,
      signal: never,
      log,
      attempts: new Attempts(),
      receipt,
    }),
  ))
    events.push(event)
  return { events, sent: mistral.chats.at(-1) ?? {}, parameters: Object.fromEntries(receipt.parameters) }
}

const hello = { role: 'user', content: 'Hello there' }
const textOf = (events: readonly ChatEvent[]) =>
  events.map((event) => (event.type === 'text' ? event.text : '')).join('')
/** The error that a client gets. */
const errorOf = (promise: Promise<unknown>) =>
  promise.then(
    () => ({ code: 'none' }),
    (thrown) => {
      const { message, reason, code, param, retryAfterMs, meaning } = asChatError(thrown)
      return { message, reason, code, param, retryAfterMs, status: meaning.status }
    },
  )

describe('the configuration', () => {
  test('several tokens are several accounts in their order, and without a token there is no upstream', () => {
    const [upstream] = provider.configure(
      new Environment({ MISTRAL_TOKEN: 'a', MISTRAL_TOKEN_2: 'c', MISTRAL_TOKEN_1: 'b', MISTRAL_MODELS: 'x, y' }),
    )
    expect(upstream?.accounts.map(({ label }) => label)).toEqual([
      'MISTRAL_TOKEN',
      'MISTRAL_TOKEN_1',
      'MISTRAL_TOKEN_2',
    ])
    expect(upstream?.models).toEqual([{ id: 'x' }, { id: 'y' }])
    expect(provider.configure(new Environment({}))).toEqual([])
  })
})

describe('a request', () => {
  const tool = {
    type: 'function',
    function: { name: 'weather', description: 'It.', strict: true, parameters: { type: 'object' } },
  }
  const parameters: readonly (readonly [object, object])[] = [
    [{ temperature: 0.5 }, { temperature: 0.5 }],
    [{ top_p: 0.5 }, { top_p: 0.5 }],
    [{ max_tokens: 5 }, { max_tokens: 5 }],
    [{ max_completion_tokens: 5 }, { max_tokens: 5 }],
    [{ stop: 'a' }, { stop: ['a'] }],
    [{ stop: ['a', 'b'] }, { stop: ['a', 'b'] }],
    [{ seed: 7 }, { random_seed: 7 }],
    [{ random_seed: 7 }, { random_seed: 7 }],
    [{ frequency_penalty: 1 }, { frequency_penalty: 1 }],
    [{ presence_penalty: 1 }, { presence_penalty: 1 }],
    [{ n: 2 }, { n: 2 }],
    [{ reasoning_effort: 'high' }, { reasoning_effort: 'high' }],
    [{ metadata: { a: 'b' } }, { metadata: { a: 'b' } }],
    [{ tools: [tool] }, { tools: [tool] }],
    [
      { tools: [tool], tool_choice: 'required' },
      { tools: [tool], tool_choice: 'required' },
    ],
    [
      { tools: [tool], tool_choice: { type: 'function', function: { name: 'weather' } } },
      { tools: [tool], tool_choice: { type: 'function', function: { name: 'weather' } } },
    ],
    [{ parallel_tool_calls: false }, { parallel_tool_calls: false }],
    [{ response_format: { type: 'text' } }, { response_format: { type: 'text' } }],
    [{ response_format: { type: 'json_object' } }, { response_format: { type: 'json_object' } }],
    [
      {
        response_format: { type: 'json_schema', json_schema: { name: 'a', strict: true, schema: { type: 'object' } } },
      },
      {
        response_format: { type: 'json_schema', json_schema: { name: 'a', strict: true, schema: { type: 'object' } } },
      },
    ],
    [{ safe_prompt: true }, { safe_prompt: true }],
    [{ prompt_mode: 'reasoning' }, { prompt_mode: 'reasoning' }],
    [{ guardrails: [{}] }, { guardrails: [{}] }],
    [{ prediction: { type: 'content', content: 'x' } }, { prediction: { type: 'content', content: 'x' } }],
  ]
  const bare = { model: 'mistral-small-latest', messages: [hello] }
  for (const [body, wire] of parameters)
    test(`${JSON.stringify(body)} is sent under Mistral’s name`, async () => {
      expect((await ask(body)).sent).toEqual({ ...bare, ...wire })
    })

  test('unknown fields are not sent, and the receipt names them', async () => {
    const foreign = {
      user: 'me',
      logprobs: true,
      top_logprobs: 2,
      service_tier: 'auto',
      logit_bias: { 1: 1 },
      top_k: 4,
    }
    const { sent, parameters: receipt } = await ask({
      ...foreign,
      store: true,
      seed: 1,
      max_tokens: 9,
      safe_prompt: true,
    })
    expect(sent).toEqual({ ...bare, random_seed: 1, max_tokens: 9, safe_prompt: true })
    expect(receipt).toEqual({
      ...Object.fromEntries([...Object.keys(foreign), 'store'].map((name) => [name, 'dropped'])),
      seed: 'mapped',
      max_tokens: 'mapped',
      safe_prompt: 'honoured',
    })
  })

  test('a stream is requested without stream_options', async () => {
    const { sent } = await ask({ stream: true, stream_options: { include_usage: true } })
    expect(sent).toEqual({ ...bare, stream: true })
  })

  test('a tool without parameters, or with an empty schema, gets the empty parameters that Mistral requires', async () => {
    for (const parameters of [undefined, {}]) {
      const { sent } = await ask({ tools: [{ type: 'function', function: { name: 'now', parameters } }] })
      expect(sent).toMatchObject({
        tools: [{ function: { name: 'now', parameters: { type: 'object', properties: {} } } }],
      })
    }
  })

  test('a tool or a choice that is not a function is refused with its place', async () => {
    const custom = { type: 'custom', custom: { name: 'x' } }
    expect(await errorOf(ask({ tools: [tool, custom] }))).toMatchObject({ reason: 'unsupported', param: 'tools[1]' })
    const choice = { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [] } }
    expect(await errorOf(ask({ tools: [tool], tool_choice: choice }))).toMatchObject({ param: 'tool_choice' })
  })

  test('messages have no field that Mistral refuses', async () => {
    const { sent } = await ask({
      messages: [
        { role: 'developer', content: 'Be kind.', name: 'op' },
        { role: 'user', content: [{ type: 'text', text: 'Hi', cache_control: { type: 'ephemeral' } }], name: 'ann' },
        { role: 'assistant', content: null, refusal: 'No.', reasoning_content: 'Hm.', name: 'bot', audio: { id: 'a' } },
        { role: 'user', content: [] },
        { role: 'assistant', content: '', reasoning_content: 'Hm.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'low' } },
          ],
        },
      ],
    })
    expect(sent.messages).toEqual([
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'No.' },
      { role: 'user', content: '' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'low' } },
        ],
      },
    ])
  })

  test('only the last message may be an answer that Mistral continues', async () => {
    const begun = { role: 'assistant', content: 'Once', prefix: true }
    const { sent } = await ask({ messages: [hello, begun, hello, begun] })
    expect(sent.messages).toEqual([hello, { role: 'assistant', content: 'Once' }, hello, begun])
  })

  const turn = (...ids: readonly string[]) => [
    hello,
    {
      role: 'assistant',
      content: null,
      tool_calls: ids.map((id) => ({ id, type: 'function', function: { name: 'weather', arguments: '{}' } })),
    },
    ...ids.map((id) => ({ role: 'tool', tool_call_id: id, name: 'weather', content: 'Sunny.' })),
  ]

  test('late instructions become messages of the user', async () => {
    const title = { role: 'system', content: 'Name this chat.' }
    const asUser = { ...title, role: 'user' }
    const answer = { role: 'assistant', content: 'Hi.' }
    const sent = async (...messages: readonly object[]) => (await ask({ messages })).sent.messages
    expect(await sent(title)).toEqual([asUser])
    expect(await sent(hello, title)).toEqual([hello, asUser])
    expect(await sent(title, title, hello, title, hello)).toEqual([title, title, hello, title, hello])
    expect(await sent(hello, answer, title, title, hello)).toEqual([hello, answer, asUser, title, hello])
  })

  test('a short answer is put between a result and a user message, and replaces an empty answer there', async () => {
    const [call, result] = turn('abcdefgh1').slice(1)
    const filler = { role: 'assistant', content: 'OK.' }
    const tail = async (...messages: readonly object[]) =>
      (await ask({ messages: [...turn('abcdefgh1'), ...messages] })).sent.messages
    const before = [hello, call, result]
    expect(await tail(hello)).toEqual([...before, filler, hello])
    expect(await tail({ role: 'assistant', content: '' }, hello)).toEqual([...before, filler, hello])
    expect(await tail({ role: 'system', content: 'Be kind.' })).toEqual([
      ...before,
      filler,
      { role: 'user', content: 'Be kind.' },
    ])
  })

  test('an unfinished answer is continued, unless the client forbids it', async () => {
    const begun = { role: 'assistant', content: 'Once' }
    expect((await ask({ messages: [hello, begun] })).sent.messages).toEqual([hello, { ...begun, prefix: true }])
    const refused = await errorOf(ask({ messages: [hello, { ...begun, prefix: false }] }))
    expect(refused).toMatchObject({ status: 400, message: expect.stringContaining('Expected last role') })
  })

  const idsIn = ({ messages }: { readonly messages?: unknown }): string[] =>
    JSON.stringify(messages)
      .match(/"(?:tool_call_id|id)":"[^"]*"/g)
      ?.map((text) => text.split('"')[3] ?? '') ?? []

  test("ids of another upstream become Mistral's form: equal for call and result, and the same each time", async () => {
    const theirs = ['call_abcdefghijklmnopqrstuvwx', 'toolu_01A', 'call_1', 'call_2']
    const { sent, events } = await ask({ messages: turn(...theirs) })
    const ids = idsIn(sent)
    expect(ids.slice(0, 4)).toEqual(ids.slice(4))
    expect(new Set(ids).size).toBe(4)
    for (const id of ids) expect(id).toMatch(/^[a-zA-Z0-9]{9}$/)
    expect(idsIn((await ask({ messages: turn(...theirs) })).sent)).toEqual(ids)
    expect(sent.messages).toMatchObject([{}, {}, { name: 'weather' }, {}, {}, {}])
    expect(textOf(events)).toBe('You said: Sunny.')
  })

  test("Mistral's own ids come back unchanged", async () => {
    const { events } = await ask({ messages: [{ role: 'user', content: 'call weather' }], tools: [tool] })
    const [id] = events.flatMap((event) => (event.type === 'tool-call' ? [event.id] : []))
    expect(idsIn((await ask({ messages: turn(id ?? '', 'foreign') })).sent)[0]).toBe(id ?? 'none')
  })
})

describe('a reply', () => {
  const folder = join(import.meta.dir, 'fixtures')
  const withoutNative = (event: ChatEvent) => {
    const { native: _, ...others } = event
    if (others.type !== 'usage') return others
    const { native: _native, ...usage } = others.usage
    return { ...others, usage }
  }
  for (const file of readdirSync(folder).filter((each) => each.endsWith('.events.json')))
    test(`reads ${file}`, async () => {
      const [name = ''] = file.split('.')
      const stream = name !== 'whole'
      const body = readFileSync(join(folder, stream ? `${name}.frames.txt` : `${name}.json`), 'utf8').trimEnd()
      mistral.script(stream ? { body: body.split('\n').map(sseData) } : { headers: json, body: [body] })
      const expected: ChatEvent[] = JSON.parse(readFileSync(join(folder, file), 'utf8'))
      expect((await ask({ stream, ...(name === 'two-choices' && { n: 2 }) })).events.map(withoutNative)).toEqual(
        expected,
      )
    })

  const tools = ['weather', 'time'].map((name) => ({ type: 'function', function: { name, parameters: {} } }))
  const calls = { messages: [{ role: 'user', content: 'call weather time' }], tools }
  const kinds = (events: readonly ChatEvent[]) =>
    events.map(({ native: _, ...event }) => event).filter(({ type }) => type !== 'usage' && type !== 'foreign')

  for (const stream of [true, false])
    for (const model of ['mistral-small-latest', 'ministral-8b-latest'])
      test(`whole calls, ${model}, ${stream ? 'SSE' : 'JSON'}`, async () => {
        const { events } = await ask({ ...calls, model, stream })
        const call = (index: number, name: string, id: string) => [
          { type: 'tool-call', choice: 0, part: index, id, name },
          { type: 'tool-arguments', choice: 0, part: index, json: '{"city":"Paris"}' },
          { type: 'part-end', choice: 0, part: index },
        ]
        expect(kinds(events)).toEqual([
          ...call(0, 'weather', 'call0Abc9'),
          ...call(1, 'time', 'call1Abc9'),
          { type: 'finish', choice: 0, reason: 'tool-calls', raw: 'tool_calls' },
        ] as never[])
        expect(events.at(-1)).toMatchObject({ type: 'usage', usage: { inputTokens: 7, source: 'upstream' } })
      })

  for (const stream of [true, false])
    test(`thoughts among the content, ${stream ? 'SSE' : 'JSON'}`, async () => {
      const { events } = await ask({ model: 'magistral-small-latest', stream })
      const thought = events.map((event) => (event.type === 'reasoning' ? event.text : '')).join('')
      expect({ thought, text: textOf(events) }).toEqual({ thought: 'Let me think.', text: 'You said: Hello there' })
    })

  const ends: readonly (readonly [object, string])[] = [
    [{}, 'stop'],
    [{ max_tokens: 2 }, 'length'],
    [{ messages: [{ role: 'user', content: 'word '.repeat(80) }] }, 'length'],
  ]
  for (const [body, reason] of ends)
    test(`${JSON.stringify(body).slice(0, 40)} ends with ${reason}`, async () => {
      for (const stream of [true, false])
        expect((await ask({ ...body, stream })).events).toContainEqual(
          expect.objectContaining({ type: 'finish', reason }),
        )
    })

  test('two answers at the same time', async () => {
    const { events } = await ask({ n: 2, stream: true })
    const ends = events.filter(({ type }) => type === 'finish').map(({ choice }) => choice)
    expect(ends).toEqual([0, 1])
  })
})

describe('an error', () => {
  const failing = (status: number, body: unknown, headers: object = {}): Script => ({
    status,
    headers: { ...json, ...headers },
    body: [JSON.stringify(body)],
  })
  const detail = [{ type: 'extra_forbidden', loc: ['body', 'messages', 0, 'x'], msg: 'Extra inputs.', input: 1 }]
  const object = { object: 'error', param: null }
  const shapes: readonly (readonly [Script, object])[] = [
    [failing(401, { detail: 'Unauthorized' }), { status: 502, code: 'upstream_auth' }],
    [failing(401, { message: 'Unauthorized', request_id: 'r' }), { status: 502, code: 'upstream_auth' }],
    [failing(403, { message: 'Forbidden' }), { status: 502, code: 'upstream_auth' }],
    [failing(402, { detail: 'Pay.' }), { status: 429, code: 'insufficient_quota' }],
    [failing(422, { detail }), { status: 400, message: 'Extra inputs.', param: 'messages[0].x' }],
    [
      failing(422, { ...object, message: { detail }, type: 'invalid_request_error', code: null }),
      { status: 400, message: 'Extra inputs.', param: 'messages[0].x' },
    ],
    [
      failing(400, { ...object, message: 'Wrong role.', type: 'invalid_request_message_order', code: '3230' }),
      { status: 400, message: 'Wrong role.' },
    ],
    [failing(400, { ...object, message: 'Invalid model: x', type: 'invalid_model', code: '1500' }), { status: 404 }],
    [
      failing(429, { message: 'Requests rate limit exceeded' }, { 'retry-after': '7' }),
      { status: 429, code: 'rate_limit_exceeded', retryAfterMs: 7_000 },
    ],
    [
      failing(429, { ...object, message: 'Capacity.', type: 'service_tier_capacity_exceeded', code: '3505' }),
      { status: 429, code: 'rate_limit_exceeded' },
    ],
    [failing(500, { ...object, message: 'Oops', type: 'internal_server_error', code: '1000' }), { status: 502 }],
    [failing(503, { ...object, message: 'Later', type: 'unreachable_backend', code: '1100' }), { status: 503 }],
    [{ body: [frame({ detail: 'It broke.' })] }, { status: 502, code: 'upstream_error' }],
    [{ body: [frame({ ...object, message: 'It broke.', type: 'x', code: '1' })] }, { status: 502 }],
    [
      { body: [frame({ choices: [{ index: 0, delta: { content: 'a' }, finish_reason: 'error' }] })] },
      { status: 502, code: 'upstream_error' },
    ],
  ]
  for (const [script, wanted] of shapes)
    test(`${script.status ?? 200} ${String([...(script.body as Iterable<string>)]).slice(0, 70)}`, async () => {
      mistral.script(script)
      expect(await errorOf(ask({ stream: true }))).toMatchObject(wanted)
    })

  test('a refused key and an unknown model cause the service’s own errors', async () => {
    expect(await errorOf(ask({}, 'a-refused-key'))).toMatchObject({ status: 502, code: 'upstream_auth' })
    expect(await errorOf(ask({ model: 'nothing' }))).toMatchObject({ status: 404, code: 'model_not_found' })
  })
})

test('a refused field that the client sent under another name is left out, and the receipt names it', async () => {
  const body = [JSON.stringify({ detail: [{ type: 'extra_forbidden', loc: ['body', 'random_seed'], msg: 'No.' }] })]
  mistral.script({ status: 422, headers: json, body })
  const { sent, parameters } = await ask({ seed: 7 })
  expect(sent).not.toHaveProperty('random_seed')
  expect(parameters.seed).toBe('dropped')
})

describe('the list of models', () => {
  test('contains the models with their capabilities and kinds', async () => {
    const { upstream, account } = upstreamAt(mistral.origin)
    const models = (await upstream.listModels?.(account, never)) ?? []
    expect(models.map(({ id }) => id)).toEqual([
      'mistral-small-latest',
      'magistral-small-latest',
      'ministral-8b-latest',
      'mistral-embed',
    ])
    expect(models.map(({ kind }) => kind)).toEqual([undefined, undefined, undefined, 'embedding'])
    expect(models[0]).toEqual({
      id: 'mistral-small-latest',
      ownedBy: 'mistralai',
      created: 1_760_000_000,
      contextLength: 131_072,
      inputModalities: ['text', 'image'],
      outputModalities: ['text'],
      capabilities: ['tools'],
    })
  })

  test('leaves unknown values out, and fails if the key is refused', async () => {
    const listing = {
      headers: json,
      body: [JSON.stringify({ data: [{ id: 'bare' }, { id: 'odd', capabilities: 7 }] })],
    }
    const odd = await emulateMistral({ listing })
    const { upstream, account } = upstreamAt(odd.origin)
    expect(await upstream.listModels?.(account, never)).toEqual([
      { id: 'bare', ownedBy: 'mistralai' },
      { id: 'odd', ownedBy: 'mistralai' },
    ])
    await odd.close()
    const refused = upstreamAt(mistral.origin, 'a-refused-key')
    const list = Promise.resolve(refused.upstream.listModels?.(refused.account, never))
    expect(await errorOf(list)).toMatchObject({ reason: 'account-refused' })
  })
})

describe('the emulator is as strict as the service', () => {
  const raw = async (body: object) => {
    const response = await fetch(`${mistral.origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'mistral-small-latest', messages: [hello], ...body }),
    })
    return { status: response.status, body: await response.text() }
  }
  const refused: readonly (readonly [string, object, number, string])[] = [
    ['seed', { seed: 1 }, 422, 'extra_forbidden'],
    ['stream_options', { stream_options: {} }, 422, '"stream_options"'],
    ['a name', { messages: [{ ...hello, name: 'x' }] }, 422, '"messages",0,"name"'],
    ['the role developer', { messages: [{ role: 'developer', content: 'x' }] }, 422, 'role'],
    [
      'a part with an unknown field',
      { messages: [{ role: 'user', content: [{ type: 'text', text: 'x', y: 1 }] }] },
      422,
      '"y"',
    ],
    ['a tool without parameters', { tools: [{ function: { name: 'x' } }] }, 422, 'parameters'],
    ['a strange id', { messages: [hello, { role: 'tool', tool_call_id: 'call_1', content: '' }] }, 400, 'length of 9'],
    [
      'a result without its call',
      { messages: [{ role: 'tool', tool_call_id: 'abcdefgh1', content: '' }] },
      400,
      'tool',
    ],
    ['an answer as the last message', { messages: [hello, { role: 'assistant', content: 'x' }] }, 400, 'last role'],
  ]
  for (const [what, body, status, word] of refused)
    test(`refuses ${what}`, async () => {
      const answer = await raw(body)
      expect(answer.status).toBe(status)
      expect(answer.body).toContain(word)
    })
})
