import { heapStats } from 'bun:jsc'
import { afterAll, describe, expect, test } from 'bun:test'
import { newCall, outcomeOf } from '../../../test/laws/ask.ts'
import { requestFor } from '../../../test/laws/http-rig.ts'
import { times } from '../../../test/sizes.ts'
import { each, until, within } from '../../../test/waiting.ts'
import type { Account } from '../../accounts/account.ts'
import { ChatError } from '../../chat/error.ts'
import type { ChatRequest, Parameters } from '../../chat/request.ts'
import { noThread } from '../../chat/thread.ts'
import { Environment } from '../../config/environment.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { readSession } from '../../sign-in/session.ts'
import type { Script } from '../../wire/emulator/script.ts'
import { newCancel } from '../../wire/machine.double.ts'
import { chunkFrame } from './emulator/answer.ts'
import { emulateLangfast, type LangfastEmulator, type LangfastEmulatorOptions } from './emulator/index.ts'
import type { RunScript } from './emulator/run-server.ts'
import { provider } from './index.ts'
import { SignUps } from './sign-ups.ts'

const scripts = new Map<string, RunScript>()
const langfast = await emulateLangfast({ reply: (model) => scripts.get(model) })
afterAll(() => langfast.close())

function upstreamOf(emulator: LangfastEmulator, more: Readonly<Record<string, string>> = {}) {
  const [upstream] = provider.configure(new Environment({ ...emulator.variables, ...more }))
  if (!upstream?.supply) throw new Error('there is no upstream')
  return { upstream, supply: upstream.supply }
}

/** Makes an account of a signed-in user. */
function accountOf(emulator = langfast): Account {
  return { label: 'anonymous', credential: readSession(emulator.signIn()) }
}

const { upstream } = upstreamOf(langfast)

/** Asks with a new account, unless the options have one. */
function ask(request: ChatRequest, { signal, account = accountOf(), by = upstream }: Partial<Asked> = {}) {
  return outcomeOf((sent, call) => by.chat(sent, { ...call, account, thread: noThread }), request, newCall(signal))
}

interface Asked {
  readonly signal: Cancel
  readonly account: Account
  readonly by: typeof upstream
}

/** A request for a model that the script answers. */
function requestWithScript(script: RunScript): ChatRequest {
  const model = `plan-${scripts.size}`
  scripts.set(model, script)
  return requestFor(model)
}

/** A request with this text. */
function requestWithText(text: string, parameters: Parameters = {}, model = 'gpt-4o-mini'): ChatRequest {
  return { ...requestFor(model), messages: [{ role: 'user', content: [{ type: 'text', text }] }], parameters }
}

const textOf = ({ events }: { readonly events: readonly { readonly type: string }[] }) =>
  events.map((event) => ('text' in event ? event.text : '')).join('')

async function failureOf(request: ChatRequest, how?: Partial<Asked>): Promise<ChatError> {
  const { thrown } = await ask(request, how)
  if (thrown instanceof ChatError) return thrown
  throw new Error(`no ChatError: ${String(thrown)}`)
}

const waitUntilClosed = (emulator = langfast) => until(() => emulator.busy() === 0, 500, 'every connection is closed')

describe('a run', () => {
  test('is requested like on the site, after its connection is open', async () => {
    const outcome = await ask(requestWithText('Hello there'))
    expect(outcome.thrown).toBeUndefined()
    expect(textOf(outcome)).toBe('You said: Hello there')
    expect(outcome.events.at(-1)).toEqual({ type: 'finish', choice: 0, reason: 'stop', raw: 'stop' })
    const line = langfast.lines.at(-1)
    const posts = langfast.requests.slice(-2)
    expect(posts.map(({ path }) => path)).toEqual(['/rest/v1/rpc/create_prompt', '/functions/v1/initiate-prompt-run'])
    for (const { headers } of [...posts, ...(line ? [line.socket.request] : [])])
      expect(headers.get('user-agent')).toMatch(/^tributary\//)
    expect(langfast.runs.at(-1)).toMatchObject({
      prompt_id: langfast.prompts.at(-1),
      prompt_meta: {
        model: 'gpt-4o-mini',
        messages: [{ role: 'user', content: 'Hello there' }],
        temperature: 0.7,
        top_p: 1,
        frequency_penalty: 0,
        presence_penalty: 0,
        max_completion_tokens: 16_384,
        response_format: 'text',
        stream: true,
      },
    })
    await waitUntilClosed()
    expect(line?.socket.received.at(-1)).toBe('41')
  })

  test('makes one prompt for each account', async () => {
    const before = langfast.prompts.length
    const account = accountOf()
    for (let at = 0; at < 3; at++) expect((await ask(requestWithText('Hello'), { account })).thrown).toBeUndefined()
    expect(langfast.prompts.length - before).toBe(1)
  })

  test('makes no prompt if one is configured', async () => {
    const own = await emulateLangfast({ promptIds: ['the-prompt'] })
    const outcome = await ask(requestWithText('Hello'), { account: accountOf(own), by: upstreamOf(own).upstream })
    expect(textOf(outcome)).toBe('You said: Hello')
    expect(own.prompts).toEqual([])
    expect(own.runs[0]).toMatchObject({ prompt_id: 'the-prompt', test_cases: [] })
    await own.close()
  })

  test('makes another prompt in the next attempt if the old one is gone', async () => {
    const own = await emulateLangfast()
    const { upstream: by } = upstreamOf(own)
    const account = accountOf(own)
    await ask(requestWithText('Hello'), { account, by })
    own.forgetPrompts()
    expect(await failureOf(requestWithText('Hello'), { account, by })).toMatchObject({
      reason: 'upstream-failed',
      upstreamStatus: 404,
    })
    expect((await ask(requestWithText('Hello'), { account, by })).thrown).toBeUndefined()
    await own.close()
  })

  test('fails with the setting’s name if the configured prompt does not exist', async () => {
    const failure = await failureOf(requestWithText('Hello'), {
      by: upstreamOf(langfast, { LANGFAST_PROMPT_ID: 'gone' }).upstream,
    })
    expect(failure).toMatchObject({ reason: 'upstream-outdated' })
    expect(failure.message).toContain('LANGFAST_PROMPT_ID')
  })

  test('contains the client’s parameters', async () => {
    const parameters = { temperature: 0, topP: 0.5, maxTokens: 3, frequencyPenalty: -1, presencePenalty: 1 }
    const outcome = await ask(requestWithText('one two three', { ...parameters, responseFormat: { type: 'text' } }))
    expect(textOf(outcome)).toBe('You said: one')
    expect(outcome.events.at(-1)).toMatchObject({ reason: 'length' })
    expect(langfast.runs.at(-1)?.prompt_meta).toMatchObject({
      temperature: 0,
      top_p: 0.5,
      max_completion_tokens: 3,
      frequency_penalty: -1,
      presence_penalty: 1,
    })
  })

  for (const model of ['o1', 'o3-mini', 'gpt-5-nano'])
    test(`of the reasoning model ${model} has no default parameters`, async () => {
      expect((await ask(requestWithText('Hello', {}, model))).thrown).toBeUndefined()
      expect(Object.keys(langfast.runs.at(-1)?.prompt_meta ?? {}).sort()).toEqual(
        ['max_completion_tokens', 'messages', 'model', 'response_format', 'stream'].sort(),
      )
      expect((await ask(requestWithText('Hello', { temperature: 1 }, model))).thrown).toBeUndefined()
      expect(langfast.runs.at(-1)?.prompt_meta).toMatchObject({ temperature: 1 })
    })

  test('contains the whole conversation', async () => {
    const text = (said: string) => [{ type: 'text' as const, text: said }]
    const messages: ChatRequest['messages'] = [
      { role: 'developer', content: text('Be brief.') },
      { role: 'user', content: [...text('Hel'), ...text('lo')], name: 'ann' },
      {
        role: 'assistant',
        content: [{ type: 'reasoning', text: 'Hm.' }, ...text('Hi'), { type: 'refusal', text: ' no' }],
      },
      { role: 'user', content: text('Bye') },
    ]
    await ask({ ...requestFor('gpt-4o'), messages })
    expect(langfast.runs.at(-1)?.prompt_meta.messages).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hello', name: 'ann' },
      { role: 'assistant', content: 'Hi no' },
      { role: 'user', content: 'Bye' },
    ])
  })

  test('with tools in its history is refused', async () => {
    const call = { type: 'tool-call', id: 'a', name: 'f', arguments: '{}' } as const
    for (const [message, param] of [
      [{ role: 'assistant', content: [call] }, 'messages[0].tool_calls'],
      [{ role: 'tool', content: [], toolCallId: 'a' }, 'messages[0].role'],
    ] as const)
      expect(await failureOf({ ...requestFor('gpt-4o'), messages: [message] })).toMatchObject({
        reason: 'unsupported',
        param,
      })
  })
})

describe('an answer is read', () => {
  const forms: readonly (readonly [string, RunScript])[] = [
    ['from JSON in strings', { form: { payload: 'json' } }],
    ['from plain strings', { form: { payload: 'plain' } }],
    ['with the status `completed` as its end', { form: { ends: 'completed' } }],
    ['with `completion_finished` as its end', { form: { ends: 'completion_finished' } }],
    ['with a named `completion_finished` as its end', { form: { ends: 'completion_finished', namesEnd: true } }],
    ['that comes before the reply', { isEarly: true }],
    ['of a run without a name', { job: 'untold' }],
    ['of a run without a name, before the reply', { job: 'untold', isEarly: true }],
    ['of a run without a name, from plain strings', { job: 'untold', form: { payload: 'plain' } }],
    ['of a run with a number as its name', { job: '17' }],
  ]
  for (const [what, script] of forms)
    test(what, async () => {
      const outcome = await ask(requestWithScript(script))
      expect({ text: textOf(outcome), thrown: outcome.thrown }).toEqual({ text: 'You said: Hello', thrown: undefined })
      expect(outcome.events.filter(({ type }) => type === 'finish')).toHaveLength(1)
    })

  test('if the connection ends right after it', async () => {
    const content = 'x'.repeat(100_000)
    const body = Array.from({ length: 20 }, (_, at) =>
      chunkFrame({ executionId: 'job-1', content: content.slice(0, at * 5_000) }),
    )
    body.push(chunkFrame({ executionId: 'job-1', content, status: 'completed', finish_reason: 'stop' }))
    const outcome = await ask(requestWithScript({ job: 'job-1', answer: { body, ending: 'fin' } }))
    expect(textOf(outcome)).toBe(content)
    expect(outcome.thrown).toBeUndefined()
  })
})

describe('several runs at the same time', () => {
  const range = (count: number) => Array.from({ length: count }, (_, at) => at)

  for (const [what, script] of [
    ['on one account', {}],
    ['on one account, without names', { job: 'untold' }],
    ['on one account, with events without names', { form: { payload: 'plain' } }],
  ] as const)
    test(`${what} each get their own answer`, async () => {
      const account = accountOf()
      const { model } = requestWithScript(script)
      const texts = await Promise.all(
        range(20).map(async (at) =>
          textOf(await ask(requestWithText(`nonce ${at} of ${what}`, {}, model), { account })),
        ),
      )
      expect(texts).toEqual(range(20).map((at) => `You said: nonce ${at} of ${what}`))
      await waitUntilClosed()
    })

  test('on one account: a waiting run ends when its signal is aborted', async () => {
    const account = accountOf()
    const stalled = requestWithScript({ job: 'untold', answer: { body: [], ending: 'stall' } })
    const first = newCancel()
    const second = newCancel()
    const before = langfast.runs.length
    const running = ask(stalled, { account, signal: first })
    await until(() => langfast.runs.length > before, 20_000, 'the run')
    const waiting = ask(requestWithText('Hello'), { account, signal: second })
    const left = new ChatError('cancelled', { message: 'The client left.' })
    second.abort(left)
    expect((await within(waiting, 50, 'the end')).thrown).toBe(left)
    expect(langfast.runs.length).toBe(before + 1)
    expect(second.followers).toBe(0)
    first.abort(left)
    await running
    expect(textOf(await within(ask(requestWithText('Hello'), { account }), 20_000, 'the next'))).toBe('You said: Hello')
  })
})

describe('a refusal', () => {
  const json = { 'content-type': 'application/json' }
  const said = (status: number, body: object): Script => ({ status, headers: json, body: [JSON.stringify(body)] })
  const refusals: readonly (readonly [string, Script, object])[] = [
    [
      'of PostgREST',
      said(400, { code: 'P1', details: null, hint: null, message: 'No.' }),
      { reason: 'invalid-request', message: 'No.' },
    ],
    ['of the edge function', said(400, { error: 'No.' }), { reason: 'invalid-request', message: 'No.' }],
    ['of the project’s gateway', said(401, { code: 401, message: 'Invalid JWT' }), { reason: 'account-refused' }],
    ['by 403', said(403, { message: 'permission denied' }), { reason: 'account-refused' }],
    ['by 404', said(404, {}), { reason: 'upstream-failed' }],
    ['by 402', said(402, { error: 'No credit.' }), { reason: 'quota-exhausted' }],
    [
      'by 429',
      { ...said(429, {}), headers: { ...json, 'retry-after': '7' } },
      { reason: 'rate-limited', retryAfterMs: 7_000 },
    ],
    [
      'by 500',
      said(500, { error: { message: 'Boom' } }),
      { reason: 'upstream-failed', message: expect.stringContaining('Boom') },
    ],
    ['by 503', said(503, {}), { reason: 'overloaded' }],
    ['in a success', said(200, { error: 'Boom' }), { message: expect.stringContaining('Boom') }],
    [
      'by a redirect',
      { status: 302, headers: { location: 'http://127.0.0.1:1/' }, body: [] },
      { code: 'upstream_redirect' },
    ],
    [
      'by a page',
      { headers: { 'content-type': 'text/html' }, body: ['<html>Sign in</html>'] },
      { code: 'upstream_bad_response' },
    ],
    [
      'by a challenge',
      { status: 403, headers: { 'cf-mitigated': 'challenge', 'content-type': 'text/html' }, body: [] },
      { reason: 'challenged' },
    ],
    ['by a cut connection', { framing: 'raw', ending: 'rst' }, { code: 'upstream_disconnected' }],
  ]
  for (const [what, refusal, error] of refusals)
    test(`${what} closes the open connection`, async () => {
      expect(await failureOf(requestWithScript({ refusal }))).toMatchObject(error)
      await waitUntilClosed()
    })

  test('of the token is a failure of the account', async () => {
    const account = accountOf()
    const { credential } = account
    const session = langfast.signIn()
    const other: Account = { label: 'other', credential: readSession(session) }
    langfast.refuse(session.access_token)
    expect(credential).toBeDefined()
    expect(await failureOf(requestWithText('Hello'), { account: other })).toMatchObject({
      reason: 'account-refused',
      code: 'upstream_auth',
    })
    await waitUntilClosed()
  })

  test("of the project's key is a problem of the configuration", async () => {
    const { upstream: by } = upstreamOf(langfast, { LANGFAST_SUPABASE_ANON_KEY: 'another-anon-key' })
    const failure = await failureOf(requestWithText('Hello'), { by })
    expect(failure).toMatchObject({ reason: 'upstream-failed', code: 'upstream_configuration' })
    expect(failure.message).toContain('LANGFAST_SUPABASE_ANON_KEY')
  })
})

describe('an abort', () => {
  const left = new ChatError('cancelled', { message: 'The client left.' })
  const phases: readonly (readonly [string, LangfastEmulatorOptions, RunScript])[] = [
    ['before the connection is accepted', { admit: () => 'silent' }, {}],
    ['before the reply', {}, { refusal: { framing: 'raw', ending: 'stall' } }],
    ['before the first event', {}, { answer: { body: [], ending: 'stall' } }],
    [
      'during the answer',
      {},
      { job: 'job-1', answer: { body: [chunkFrame({ executionId: 'job-1', content: 'Hi' })], ending: 'stall' } },
    ],
  ]
  for (const [phase, options, script] of phases)
    test(`${phase} closes everything at once`, async () => {
      const own = await emulateLangfast({ ...options, reply: () => script })
      const { upstream: by } = upstreamOf(own)
      const controller = newCancel()
      const asking = ask(requestWithText('Hello'), { account: accountOf(own), by, signal: controller })
      await until(() => (options.admit ? own.lines.length : own.runs.length) > 0, 20_000, 'the phase')
      await Bun.sleep(20)
      controller.abort(left)
      expect((await within(asking, 50, 'the end')).thrown).toBe(left)
      await until(() => own.busy() === 0, 50, 'everything is closed')
      expect(controller.followers).toBe(0)
      await own.close()
    })
})

/** With TRIBUTARY_TEST_FULL=1 the test runs as many cycles as the documents promise. */
const cycles = times(150, 5_000)

test(`${cycles} chats, eight at once, leave no sockets and no timers`, async () => {
  const accounts = Array.from({ length: 8 }, () => accountOf())
  const controller = newCancel()
  const chats = () =>
    each(Array.from({ length: cycles }).keys(), 8, async (at) => {
      const outcome = await ask(requestWithText('Hello'), {
        account: accounts[at % 8] ?? accountOf(),
        signal: controller,
      })
      expect(outcome.thrown).toBeUndefined()
    })
  const countObjects = () => {
    Bun.gc(true)
    const { objectTypeCounts } = heapStats()
    return { sockets: objectTypeCounts.WebSocket ?? 0, timers: objectTypeCounts.Timeout ?? 0 }
  }
  await chats()
  await waitUntilClosed()
  const before = countObjects()
  await chats()
  await waitUntilClosed()
  const after = countObjects()
  expect(controller.followers).toBe(0)
  expect(after.sockets - before.sockets).toBeLessThan(20)
  expect(after.timers - before.timers).toBeLessThan(20)
})

describe('accounts', () => {
  const never = newCancel()

  test('are made by anonymous sign-up, and renewed', async () => {
    const { supply } = upstreamOf(langfast)
    const before = langfast.counts.signUps
    const credential = await supply.create(never)
    expect(langfast.counts.signUps - before).toBe(1)
    expect((await ask(requestWithText('Hello'), { account: { label: 'a', credential } })).thrown).toBeUndefined()
    const renewed = await supply.renewal.renew(credential, never)
    expect(supply.renewal.decode(supply.renewal.encode(renewed))).toEqual(renewed)
    expect(
      (await ask(requestWithText('Hello'), { account: { label: 'a', credential: renewed } })).thrown,
    ).toBeUndefined()
    expect(langfast.counts.signUps - before).toBe(1)
  })

  test('whose token has ended are refused until they are renewed', async () => {
    let now = Date.now()
    const own = await emulateLangfast({ now: () => now })
    const { upstream: by, supply } = upstreamOf(own)
    const credential = await supply.create(never)
    now += 3_601_000
    expect(await failureOf(requestWithText('Hello'), { account: { label: 'a', credential }, by })).toMatchObject({
      reason: 'account-refused',
    })
    const renewed = await supply.renewal.renew(credential, never)
    expect(
      (await ask(requestWithText('Hello'), { account: { label: 'a', credential: renewed }, by })).thrown,
    ).toBeUndefined()
    await own.close()
  })

  test('are made at most 30 times an hour', async () => {
    const own = await emulateLangfast()
    const { supply } = upstreamOf(own)
    for (let at = 0; at < 30; at++) await supply.create(never)
    const ask = own.requests.length
    const error = await supply.create(never).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ reason: 'rate-limited' })
    expect(error instanceof ChatError && (error.retryAfterMs ?? 0) > 3_500_000).toBe(true)
    expect(own.requests.length).toBe(ask)
    await own.close()
  })

  test('are counted by the clock, even if it is set back', () => {
    let now = 100 * 3_600_000
    const signUps = new SignUps()
    for (let at = 0; at < 30; at++) signUps.take(now)
    now -= 48 * 3_600_000
    expect(() => signUps.take(now)).toThrow(ChatError)
    now += 3_600_000
    signUps.take(now)
  })

  test('that the service refuses to make cause rate-limited, with its Retry-After', async () => {
    const own = await emulateLangfast()
    own.fault({ script: { status: 429, headers: { 'retry-after': '90' }, body: ['{}'] } })
    await expect(upstreamOf(own).supply.create(never)).rejects.toMatchObject({
      reason: 'rate-limited',
      retryAfterMs: 90_000,
    })
    await own.close()
  })

  for (const anonymous of ['disabled', 'captcha'] as const)
    test(`cause an error if sign-ups are ${anonymous}`, async () => {
      const own = await emulateLangfast({ anonymous })
      await expect(upstreamOf(own).supply.create(never)).rejects.toBeInstanceOf(ChatError)
      await own.close()
    })
})

describe('the environment', () => {
  const configure = (values: Readonly<Record<string, string>>) => {
    const environment = new Environment(values)
    return { upstreams: provider.configure(environment), problems: environment.problems }
  }
  const key = { LANGFAST_SUPABASE_ANON_KEY: 'an-anon-key' }

  test('without a key configures no upstream', () => {
    expect(configure({ LANGFAST_PROMPT_ID: 'a' })).toEqual({ upstreams: [], problems: [] })
  })

  test('with a key configures langfast, with five to ten accounts and the known models', () => {
    const { upstreams, problems } = configure(key)
    expect(problems).toEqual([])
    expect(upstreams).toMatchObject([{ name: 'langfast', accounts: [], supply: { min: 5, max: 10 } }])
    expect(upstreams[0]?.models).toHaveLength(17)
  })

  test('sets the number of accounts, and the models', () => {
    const { upstreams, problems } = configure({
      ...key,
      MIN_CREDENTIALS: '1',
      MAX_CREDENTIALS: '1',
      LANGFAST_MODELS: 'a, b',
    })
    expect(problems).toEqual([])
    expect(upstreams).toMatchObject([{ supply: { min: 1, max: 1 }, models: [{ id: 'a' }, { id: 'b' }] }])
  })

  for (const [variable, values] of [
    ['MIN_CREDENTIALS', { MIN_CREDENTIALS: '11' }],
    ['MIN_CREDENTIALS', { MIN_CREDENTIALS: 'x' }],
    ['MAX_CREDENTIALS', { MAX_CREDENTIALS: '31' }],
    ['MAX_CREDENTIALS', { MAX_CREDENTIALS: '0', MIN_CREDENTIALS: '0' }],
    ['LANGFAST_SOCKET_URL', { LANGFAST_SOCKET_URL: 'host' }],
    ['LANGFAST_SUPABASE_URL', { LANGFAST_SUPABASE_URL: 'wss://host' }],
  ] as const)
    test(`with ${JSON.stringify(values)} is reported`, () => {
      expect(configure({ ...key, ...values }).problems).toMatchObject([{ variable }])
    })
})
