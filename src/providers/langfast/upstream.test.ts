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

function upstreamBefore(emulator: LangfastEmulator, more: Readonly<Record<string, string>> = {}) {
  const [upstream] = provider.configure(new Environment({ ...emulator.variables, ...more }))
  if (!upstream?.supply) throw new Error('there is no upstream')
  return { upstream, supply: upstream.supply }
}

/** Somebody who is signed in. */
function accountOf(emulator = langfast): Account {
  return { label: 'anonymous', credential: readSession(emulator.signIn()) }
}

const { upstream } = upstreamBefore(langfast)

/** How a chat goes on an account of its own, unless said otherwise. */
function asked(request: ChatRequest, { signal, account = accountOf(), by = upstream }: Partial<Asked> = {}) {
  return outcomeOf((sent, call) => by.chat(sent, { ...call, account, thread: noThread }), request, newCall(signal))
}

interface Asked {
  readonly signal: Cancel
  readonly account: Account
  readonly by: typeof upstream
}

/** A request that a script answers. */
function planned(script: RunScript): ChatRequest {
  const model = `plan-${scripts.size}`
  scripts.set(model, script)
  return requestFor(model)
}

/** A request of these words. */
function saying(text: string, parameters: Parameters = {}, model = 'gpt-4o-mini'): ChatRequest {
  return { ...requestFor(model), messages: [{ role: 'user', content: [{ type: 'text', text }] }], parameters }
}

const textOf = ({ events }: { readonly events: readonly { readonly type: string }[] }) =>
  events.map((event) => ('text' in event ? event.text : '')).join('')

async function failureOf(request: ChatRequest, how?: Partial<Asked>): Promise<ChatError> {
  const { thrown } = await asked(request, how)
  if (thrown instanceof ChatError) return thrown
  throw new Error(`no ChatError: ${String(thrown)}`)
}

const isFree = (emulator = langfast) => until(() => emulator.busy() === 0, 500, 'every connection is closed')

describe('a run', () => {
  test('is asked for as the site does, once its connection stands', async () => {
    const outcome = await asked(saying('Hello there'))
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
    await isFree()
    expect(line?.socket.received.at(-1)).toBe('41')
  })

  test('of one account makes a prompt once', async () => {
    const before = langfast.prompts.length
    const account = accountOf()
    for (let at = 0; at < 3; at++) expect((await asked(saying('Hello'), { account })).thrown).toBeUndefined()
    expect(langfast.prompts.length - before).toBe(1)
  })

  test('of a prompt that is configured makes none', async () => {
    const own = await emulateLangfast({ promptIds: ['the-prompt'] })
    const outcome = await asked(saying('Hello'), { account: accountOf(own), by: upstreamBefore(own).upstream })
    expect(textOf(outcome)).toBe('You said: Hello')
    expect(own.prompts).toEqual([])
    expect(own.runs[0]).toMatchObject({ prompt_id: 'the-prompt', test_cases: [] })
    await own.close()
  })

  test('of a prompt that is gone makes another with the next attempt', async () => {
    const own = await emulateLangfast()
    const { upstream: by } = upstreamBefore(own)
    const account = accountOf(own)
    await asked(saying('Hello'), { account, by })
    own.forgetPrompts()
    expect(await failureOf(saying('Hello'), { account, by })).toMatchObject({
      reason: 'upstream-failed',
      upstreamStatus: 404,
    })
    expect((await asked(saying('Hello'), { account, by })).thrown).toBeUndefined()
    await own.close()
  })

  test('of a prompt that is configured, but is not there, says what to check', async () => {
    const failure = await failureOf(saying('Hello'), {
      by: upstreamBefore(langfast, { LANGFAST_PROMPT_ID: 'gone' }).upstream,
    })
    expect(failure).toMatchObject({ reason: 'upstream-outdated' })
    expect(failure.message).toContain('LANGFAST_PROMPT_ID')
  })

  test('has the values of its client', async () => {
    const parameters = { temperature: 0, topP: 0.5, maxTokens: 3, frequencyPenalty: -1, presencePenalty: 1 }
    const outcome = await asked(saying('one two three', { ...parameters, responseFormat: { type: 'text' } }))
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
    test(`of the reasoning model ${model} has nothing of ours in it`, async () => {
      expect((await asked(saying('Hello', {}, model))).thrown).toBeUndefined()
      expect(Object.keys(langfast.runs.at(-1)?.prompt_meta ?? {}).sort()).toEqual(
        ['max_completion_tokens', 'messages', 'model', 'response_format', 'stream'].sort(),
      )
      expect((await asked(saying('Hello', { temperature: 1 }, model))).thrown).toBeUndefined()
      expect(langfast.runs.at(-1)?.prompt_meta).toMatchObject({ temperature: 1 })
    })

  test('tells the whole conversation', async () => {
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
    await asked({ ...requestFor('gpt-4o'), messages })
    expect(langfast.runs.at(-1)?.prompt_meta.messages).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hello', name: 'ann' },
      { role: 'assistant', content: 'Hi no' },
      { role: 'user', content: 'Bye' },
    ])
  })

  test('with tools in its history is not taken', async () => {
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
    ['with the one end', { form: { ends: 'completed' } }],
    ['with the other end', { form: { ends: 'completion_finished' } }],
    ['with the other end, by name', { form: { ends: 'completion_finished', namesEnd: true } }],
    ['that comes before the reply', { isEarly: true }],
    ['of a run whose name is not told', { job: 'untold' }],
    ['of such a run, before the reply', { job: 'untold', isEarly: true }],
    ['of such a run, from plain strings', { job: 'untold', form: { payload: 'plain' } }],
    ['of a run with a number for its name', { job: '17' }],
  ]
  for (const [what, script] of forms)
    test(what, async () => {
      const outcome = await asked(planned(script))
      expect({ text: textOf(outcome), thrown: outcome.thrown }).toEqual({ text: 'You said: Hello', thrown: undefined })
      expect(outcome.events.filter(({ type }) => type === 'finish')).toHaveLength(1)
    })

  test('though the connection ends right behind it', async () => {
    const content = 'x'.repeat(100_000)
    const body = Array.from({ length: 20 }, (_, at) =>
      chunkFrame({ executionId: 'job-1', content: content.slice(0, at * 5_000) }),
    )
    body.push(chunkFrame({ executionId: 'job-1', content, status: 'completed', finish_reason: 'stop' }))
    const outcome = await asked(planned({ job: 'job-1', answer: { body, ending: 'fin' } }))
    expect(textOf(outcome)).toBe(content)
    expect(outcome.thrown).toBeUndefined()
  })
})

describe('runs at once', () => {
  const range = (count: number) => Array.from({ length: count }, (_, at) => at)

  for (const [what, script] of [
    ['on one account', {}],
    ['on one account, whose names are not told', { job: 'untold' }],
    ['on one account, whose events do not name them', { form: { payload: 'plain' } }],
  ] as const)
    test(`${what} each get their own answer`, async () => {
      const account = accountOf()
      const { model } = planned(script)
      const texts = await Promise.all(
        range(20).map(async (at) => textOf(await asked(saying(`nonce ${at} of ${what}`, {}, model), { account }))),
      )
      expect(texts).toEqual(range(20).map((at) => `You said: nonce ${at} of ${what}`))
      await isFree()
    })

  test('on one account whose turn does not come end with their own signal', async () => {
    const account = accountOf()
    const stalled = planned({ job: 'untold', answer: { body: [], ending: 'stall' } })
    const first = newCancel()
    const second = newCancel()
    const before = langfast.runs.length
    const running = asked(stalled, { account, signal: first })
    await until(() => langfast.runs.length > before, 1_000, 'the run')
    const waiting = asked(saying('Hello'), { account, signal: second })
    const left = new ChatError('cancelled', { message: 'The client left.' })
    second.abort(left)
    expect((await within(waiting, 50, 'the end')).thrown).toBe(left)
    expect(langfast.runs.length).toBe(before + 1)
    expect(second.followers).toBe(0)
    first.abort(left)
    await running
    expect(textOf(await within(asked(saying('Hello'), { account }), 1_000, 'the next'))).toBe('You said: Hello')
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
    ['of the function', said(400, { error: 'No.' }), { reason: 'invalid-request', message: 'No.' }],
    ['of the gateway', said(401, { code: 401, message: 'Invalid JWT' }), { reason: 'account-refused' }],
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
    ['within a success', said(200, { error: 'Boom' }), { message: expect.stringContaining('Boom') }],
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
    ['by a cut', { framing: 'raw', ending: 'rst' }, { code: 'upstream_disconnected' }],
  ]
  for (const [what, refusal, error] of refusals)
    test(`${what} after the connection stands closes it`, async () => {
      expect(await failureOf(planned({ refusal }))).toMatchObject(error)
      await isFree()
    })

  test('of the token by the socket, or by the function, is the account', async () => {
    const account = accountOf()
    const { credential } = account
    const session = langfast.signIn()
    const other: Account = { label: 'other', credential: readSession(session) }
    langfast.refuse(session.access_token)
    expect(credential).toBeDefined()
    expect(await failureOf(saying('Hello'), { account: other })).toMatchObject({
      reason: 'account-refused',
      code: 'upstream_auth',
    })
    await isFree()
  })

  test("of the project's key is nothing an account could mend", async () => {
    const { upstream: by } = upstreamBefore(langfast, { LANGFAST_SUPABASE_ANON_KEY: 'another-anon-key' })
    const failure = await failureOf(saying('Hello'), { by })
    expect(failure).toMatchObject({ reason: 'upstream-failed', code: 'upstream_configuration' })
    expect(failure.message).toContain('LANGFAST_SUPABASE_ANON_KEY')
  })
})

describe('leaving', () => {
  const left = new ChatError('cancelled', { message: 'The client left.' })
  const phases: readonly (readonly [string, LangfastEmulatorOptions, RunScript])[] = [
    ['before it is let in', { admit: () => 'silent' }, {}],
    ['before the reply', {}, { refusal: { framing: 'raw', ending: 'stall' } }],
    ['before the first event', {}, { answer: { body: [], ending: 'stall' } }],
    [
      'within the answer',
      {},
      { job: 'job-1', answer: { body: [chunkFrame({ executionId: 'job-1', content: 'Hi' })], ending: 'stall' } },
    ],
  ]
  for (const [phase, options, script] of phases)
    test(`${phase} closes everything at once`, async () => {
      const own = await emulateLangfast({ ...options, reply: () => script })
      const { upstream: by } = upstreamBefore(own)
      const controller = newCancel()
      const asking = asked(saying('Hello'), { account: accountOf(own), by, signal: controller })
      await until(() => (options.admit ? own.lines.length : own.runs.length) > 0, 1_000, 'the phase')
      await Bun.sleep(20)
      controller.abort(left)
      expect((await within(asking, 50, 'the end')).thrown).toBe(left)
      await until(() => own.busy() === 0, 50, 'everything is closed')
      expect(controller.followers).toBe(0)
      await own.close()
    })
})

/** With TRIBUTARY_TEST_FULL=1 as many as the promise says. */
const cycles = times(150, 5_000)

test(`${cycles} chats, eight at once, leave nothing behind`, async () => {
  const accounts = Array.from({ length: 8 }, () => accountOf())
  const controller = newCancel()
  const chats = () =>
    each(Array.from({ length: cycles }).keys(), 8, async (at) => {
      const outcome = await asked(saying('Hello'), {
        account: accounts[at % 8] ?? accountOf(),
        signal: controller,
      })
      expect(outcome.thrown).toBeUndefined()
    })
  const held = () => {
    Bun.gc(true)
    const { objectTypeCounts } = heapStats()
    return { sockets: objectTypeCounts.WebSocket ?? 0, timers: objectTypeCounts.Timeout ?? 0 }
  }
  await chats()
  await isFree()
  const before = held()
  await chats()
  await isFree()
  const after = held()
  expect(controller.followers).toBe(0)
  expect(after.sockets - before.sockets).toBeLessThan(20)
  expect(after.timers - before.timers).toBeLessThan(20)
})

describe('accounts', () => {
  const never = newCancel()

  test('are made by anonymous sign-up, and renewed', async () => {
    const { supply } = upstreamBefore(langfast)
    const before = langfast.counts.signUps
    const credential = await supply.create(never)
    expect(langfast.counts.signUps - before).toBe(1)
    expect((await asked(saying('Hello'), { account: { label: 'a', credential } })).thrown).toBeUndefined()
    const renewed = await supply.renewal.renew(credential, never)
    expect(supply.renewal.decode(supply.renewal.encode(renewed))).toEqual(renewed)
    expect((await asked(saying('Hello'), { account: { label: 'a', credential: renewed } })).thrown).toBeUndefined()
    expect(langfast.counts.signUps - before).toBe(1)
  })

  test('whose token has ended are refused, until it is renewed', async () => {
    let now = Date.now()
    const own = await emulateLangfast({ now: () => now })
    const { upstream: by, supply } = upstreamBefore(own)
    const credential = await supply.create(never)
    now += 3_601_000
    expect(await failureOf(saying('Hello'), { account: { label: 'a', credential }, by })).toMatchObject({
      reason: 'account-refused',
    })
    const renewed = await supply.renewal.renew(credential, never)
    expect((await asked(saying('Hello'), { account: { label: 'a', credential: renewed }, by })).thrown).toBeUndefined()
    await own.close()
  })

  test('are never asked for more than 30 times an hour', async () => {
    const own = await emulateLangfast()
    const { supply } = upstreamBefore(own)
    for (let at = 0; at < 30; at++) await supply.create(never)
    const asked = own.requests.length
    const error = await supply.create(never).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ reason: 'rate-limited' })
    expect(error instanceof ChatError && (error.retryAfterMs ?? 0) > 3_500_000).toBe(true)
    expect(own.requests.length).toBe(asked)
    await own.close()
  })

  test('are counted by the clock they are made by, also when that is set back', () => {
    let now = 100 * 3_600_000
    const signUps = new SignUps()
    for (let at = 0; at < 30; at++) signUps.take(now)
    now -= 48 * 3_600_000
    expect(() => signUps.take(now)).toThrow(ChatError)
    now += 3_600_000
    signUps.take(now)
  })

  test('that the service makes no more of for now are rate-limited, for as long as it says', async () => {
    const own = await emulateLangfast()
    own.fault({ script: { status: 429, headers: { 'retry-after': '90' }, body: ['{}'] } })
    await expect(upstreamBefore(own).supply.create(never)).rejects.toMatchObject({
      reason: 'rate-limited',
      retryAfterMs: 90_000,
    })
    await own.close()
  })

  for (const anonymous of ['disabled', 'captcha'] as const)
    test(`are an error where they are ${anonymous}`, async () => {
      const own = await emulateLangfast({ anonymous })
      await expect(upstreamBefore(own).supply.create(never)).rejects.toBeInstanceOf(ChatError)
      await own.close()
    })
})

describe('the environment', () => {
  const configured = (values: Readonly<Record<string, string>>) => {
    const environment = new Environment(values)
    return { upstreams: provider.configure(environment), problems: environment.problems }
  }
  const key = { LANGFAST_SUPABASE_ANON_KEY: 'an-anon-key' }

  test('without a key has no langfast', () => {
    expect(configured({ LANGFAST_PROMPT_ID: 'a' })).toEqual({ upstreams: [], problems: [] })
  })

  test('with one has it, with five to ten accounts and the models that are known', () => {
    const { upstreams, problems } = configured(key)
    expect(problems).toEqual([])
    expect(upstreams).toMatchObject([{ name: 'langfast', accounts: [], supply: { min: 5, max: 10 } }])
    expect(upstreams[0]?.models).toHaveLength(17)
  })

  test('chooses all of it', () => {
    const { upstreams, problems } = configured({
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
    test(`that says ${JSON.stringify(values)} is told so`, () => {
      expect(configured({ ...key, ...values }).problems).toMatchObject([{ variable }])
    })
})
