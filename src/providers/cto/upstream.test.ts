import { afterAll, describe, expect, test } from 'bun:test'
import { failureOf } from '../../../test/failure.ts'
import { until, untilStill, within } from '../../../test/waiting.ts'
import { anybody } from '../../chat/caller.ts'
import { ChatError } from '../../chat/error.ts'
import type { Message } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { Environment } from '../../config/environment.ts'
import { Attempts } from '../../flow/attempts.ts'
import { newReceipt } from '../../flow/call.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { flat } from '../../flow/flow.double.ts'
import { openLog } from '../../telemetry/log.ts'
import { machine, newCancel } from '../../wire/machine.double.ts'
import type { AccountCall } from '../provider.ts'
import { type CtoAccount, type CtoCredential, readAccounts } from './account.ts'
import { chat } from './chat.ts'
import { type CtoEmulator, emulateCto, emulatedUser } from './emulator/index.ts'
import { type CtoScript, ctoMessage, ctoState, ctoUpdate } from './emulator/script.ts'
import { type CtoEmulatorOptions, emulatedApiVersion, emulatedOrigin, type ReceivedPrompt } from './emulator/state.ts'
import { provider } from './index.ts'
import { type Protocol, protocolV1, protocolV2, writeThread } from './protocol.ts'

const never = newCancel()
const log = openLog({ runtime: machine, level: 'silent', format: 'json', write: () => undefined })

interface Running extends AsyncDisposable {
  readonly emulator: CtoEmulator
  readonly account: CtoAccount
  ask(messages: readonly Message[], options?: AskOptions): Promise<AskedAnswer>
}

interface AskOptions {
  readonly model?: string
  readonly known?: string | undefined
  readonly signal?: Cancel
  readonly account?: CtoAccount
  readonly spend?: () => void
}

interface AskedAnswer {
  readonly text: string
  readonly kept: string | undefined
  readonly finishes: number
}

/** Starts an emulated cto.new, with an account that has a session. */
async function startService(options: CtoEmulatorOptions = {}): Promise<Running> {
  const emulator = await emulateCto(options)
  const account = await renewedAccount(emulator)
  const site = {
    apiUrl: emulator.origin,
    socketUrl: emulator.origin,
    origin: emulatedOrigin,
    userAgent: 'test',
  }
  const protocol: Protocol = options.protocol === 'v2' ? protocolV2(site) : protocolV1
  const model = options.protocol === 'v2' ? 'gpt_5_4' : 'GPT5'
  return {
    emulator,
    account,
    async ask(messages, { known, ...askOptions } = {}) {
      let kept: string | undefined
      const call: AccountCall<CtoCredential> = {
        id: 'one',
        caller: anybody,
        hops: 0,
        signal: askOptions.signal ?? never,
        log,
        attempts: new Attempts(),
        receipt: newReceipt(),
        account: askOptions.account ?? account,
        thread: {
          known,
          spend: askOptions.spend ?? (() => undefined),
          keep(value) {
            kept = value
          },
        },
      }
      let text = ''
      let finishes = 0
      for await (const event of flat(chat(site, protocol, request(messages, askOptions.model ?? model), call))) {
        if (event.type === 'text') text += event.text
        if (event.type === 'finish') finishes++
      }
      return { text, kept, finishes }
    },
    [Symbol.asyncDispose]: () => emulator.close(),
  }
}

async function renewedAccount({ origin, variables }: CtoEmulator, at = 0): Promise<CtoAccount> {
  const clerk = { url: origin, apiVersion: emulatedApiVersion, origin: emulatedOrigin, userAgent: 'test' }
  const account = readAccounts(new Environment(variables), clerk)[at]
  if (!account?.renewal) throw new Error('there is no account')
  return { ...account, credential: await account.renewal.renew(account.credential, never) }
}

function request(messages: readonly Message[], model: string): ChatRequest {
  return { dialect: 'openai-chat', model, messages, parameters: {}, spelling: {}, extra: {}, stream: true }
}

const messageOf = (role: 'system' | 'user' | 'assistant', text: string): Message => ({
  role,
  content: [{ type: 'text', text }],
})
const hello = [messageOf('user', 'Hello there')]

/** All requests to the API, without those to Clerk. */
const apiRequests = ({ requests }: CtoEmulator) =>
  requests.filter(({ path }) => !path.startsWith('/v1/')).map(({ method, path }) => `${method} ${path.split('?')[0]}`)

const answerOf = (...pieces: readonly string[]): readonly Uint8Array[] =>
  [
    ctoState(true),
    ...pieces.map((content) => ctoUpdate({ id: 'msg_1', type: 'chat', chat: { content } })),
    ctoState(false),
  ].map(ctoMessage)

describe('a prompt, first protocol', () => {
  test('is sent after the socket is open, with the token and without a cookie', async () => {
    await using service = await startService()
    const { text, kept, finishes } = await service.ask(hello)
    expect({ text, finishes }).toEqual({ text: 'You said: Hello there', finishes: 1 })
    const chatHistoryId = kept?.split(' ')[0]
    const stream = `GET /engine-agent/chat-histories/${chatHistoryId}/buffer/stream`
    expect(apiRequests(service.emulator)).toEqual([stream, 'POST /engine-agent/chat'])
    const [socket, sent] = service.emulator.requests.slice(-2)
    expect(socket?.path).toEndWith('?token=user_TEST0001')
    expect(socket?.headers.get('cookie')).toBeNull()
    expect(sent?.headers.get('authorization')).toBe(`Bearer ${service.account.credential.session?.jwt.reveal()}`)
    expect(sent?.headers.get('referer')).toBe(`https://cto.new/${chatHistoryId}`)
    expect(sent?.headers.get('cookie')).toBeNull()
    expect(JSON.parse(sent?.body ?? '')).toEqual({ prompt: 'Hello there', chatHistoryId, adapterName: 'GPT5' })
    await until(() => service.emulator.openConnections() === 0, 500, 'the socket is closed')
  })

  test('contains the whole conversation for a new thread, with the instructions first', async () => {
    await using service = await startService()
    await service.ask([
      messageOf('user', 'My name is Ada.'),
      messageOf('system', 'Be brief.'),
      messageOf('assistant', 'Hello Ada.'),
      messageOf('user', 'What is my name?'),
    ])
    expect(service.emulator.chats[0]?.prompt).toBe(
      'Be brief.\n\nThe conversation so far:\n\nUser: My name is Ada.\n\nAssistant: Hello Ada.\n\nThe newest message:\n\nWhat is my name?',
    )
  })

  test('without text is refused before any request', async () => {
    await using service = await startService()
    const before = service.emulator.requests.length
    expect((await failureOf(service.ask([messageOf('user', ' \n')]))).reason).toBe('invalid-request')
    expect(service.emulator.requests.length).toBe(before)
  })

  test('of an account without a session is not sent', async () => {
    await using service = await startService()
    const account = { label: 'x', credential: { cookie: service.account.credential.cookie } }
    expect((await failureOf(service.ask(hello, { account }))).reason).toBe('account-refused')
    expect(service.emulator.chats).toBeEmpty()
  })
})

/** Starts a service that knows a conversation, and uses these options from the next prompt on. */
async function startWithThread(protocol: 'v1' | 'v2', options: CtoEmulatorOptions) {
  let next: CtoEmulatorOptions = {}
  const service = await startService({
    protocol,
    reply: (chat) => next.reply?.(chat),
    refuseSocket: () => next.refuseSocket?.(),
  })
  const { kept: known } = await service.ask(hello)
  next = options
  return { service, known, messages: [...hello, messageOf('assistant', 'Hi.'), messageOf('user', 'And now?')] }
}

const challenge = { status: 403, body: '<html>Just a moment...</html>', headers: { 'content-type': 'text/html' } }

describe.each(['v1', 'v2'] as const)('a thread, %s', (protocol) => {
  const refusals: readonly (readonly [string, number, CtoEmulatorOptions])[] = [
    ['is not spent by a refused socket', 0, { refuseSocket: () => 503 }],
    ['is not spent by a refused prompt', 0, { reply: () => ({ trigger: { status: 401 } }) }],
    ['is not spent by a challenge', 0, { reply: () => ({ trigger: challenge }) }],
    ['is spent by a prompt that is forbidden for this user', 1, { reply: () => ({ trigger: { status: 403 } }) }],
    ['is spent by a socket that is forbidden for this user', 1, { refuseSocket: () => 403 }],
    ['is spent by a prompt that may have been accepted', 1, { reply: () => ({ trigger: { status: 502 } }) }],
    ['is spent by a prompt whose reply was lost', 1, { reply: () => ({ trigger: 'rst' }) }],
    ['is spent by an interrupted answer', 1, { reply: () => ({ ending: { close: 4401 } }) }],
  ]
  for (const [what, times, options] of refusals)
    test(what, async () => {
      const { service, known, messages } = await startWithThread(protocol, options)
      await using _ = service
      let spent = 0
      await failureOf(service.ask(messages, { known, spend: () => spent++ }))
      expect(spent).toBe(times)
    })

  test('is not spent by a prompt that is too long', async () => {
    const { service, known } = await startWithThread(protocol, {})
    await using _ = service
    let spent = 0
    const long = [...hello, messageOf('assistant', 'Hi.'), messageOf('user', 'x'.repeat(40_000))]
    const asking = service.ask(long, { known, spend: () => spent++ })
    if (protocol === 'v2') expect((await failureOf(asking)).code).toBe('context_length_exceeded')
    else await asking
    expect(spent).toBe(protocol === 'v2' ? 0 : 1)
  })

  test('is not used if there is no new message: a new thread gets the whole conversation', async () => {
    const { service, known } = await startWithThread(protocol, {})
    await using _ = service
    const { kept } = await service.ask([...hello, messageOf('assistant', 'Hi and')], { known })
    expect(kept).not.toBe(known)
    expect(service.emulator.chats.at(-1)?.prompt).toBe(
      'The conversation so far:\n\nUser: Hello there\n\nAssistant: Hi and',
    )
  })

  test('only gets the new messages', async () => {
    await using service = await startService({ protocol })
    const messages = [messageOf('system', 'Be brief.'), messageOf('user', 'turn 1')]
    let known: string | undefined
    for (let turn = 1; turn <= 10; turn++) {
      const { text, kept } = await service.ask(messages, { known })
      expect(text).toContain(`turn ${turn}`)
      if (turn > 1) expect(kept).toBe(known)
      known = kept
      messages.push(messageOf('assistant', text), messageOf('user', `turn ${turn + 1}`))
    }
    expect([...service.emulator.threads.values()].map(({ prompts }) => prompts)).toEqual([
      ['Be brief.\n\nturn 1', ...Array.from({ length: 9 }, (_, at) => `turn ${at + 2}`)],
    ])
  })

  test('that was deleted is replaced by a new one in the same attempt', async () => {
    await using service = await startService({ protocol })
    const first = await service.ask(hello)
    service.emulator.forget(first.kept?.split(' ')[0] ?? '')
    const messages = [...hello, messageOf('assistant', 'Hi.'), messageOf('user', 'And now?')]
    const second = await service.ask(messages, { known: first.kept })
    expect(second.kept).not.toBe(first.kept)
    expect(second.text).toContain('And now?')
    expect(service.emulator.chats.at(-1)?.prompt).toStartWith('The conversation so far:\n\nUser: Hello there')
    await until(() => service.emulator.openConnections() === 0, 500, 'both sockets are closed')
  })

  test.each([400, 410, 422])('that is refused with %d is replaced by a new one too', async (status) => {
    const { service, known, messages } = await startWithThread(protocol, {
      reply: ({ chatHistoryId }) => (known?.startsWith(chatHistoryId) ? { trigger: { status } } : undefined),
    })
    await using _ = service
    let spent = 0
    expect((await service.ask(messages, { known, spend: () => spent++ })).text).toContain('And now?')
    expect(service.emulator.chats.at(-1)?.prompt).toStartWith('The conversation so far:\n\nUser: Hello there')
    expect(spent).toBe(2)
  })

  test('is not kept after an interrupted answer', async () => {
    const reply = () => ({ body: [ctoMessage(ctoState(true))], ending: { close: 1000 } }) as const
    await using service = await startService({ protocol, reply })
    expect(await failureOf(service.ask(hello))).toMatchObject({ code: 'upstream_disconnected' })
  })

  test('of the other protocol is not used', async () => {
    await using service = await startService({ protocol })
    const thread = { chatHistoryId: 'one', ...(protocol === 'v1' && { workspaceId: 'two' }) }
    const known = writeThread(thread, service.account)
    const { kept } = await service.ask([...hello, messageOf('assistant', 'Hi.'), messageOf('user', 'And now?')], {
      known,
    })
    expect(kept).not.toContain('one')
    expect(apiRequests(service.emulator).filter((line) => line.startsWith('GET'))).toHaveLength(1)
  })

  test('of a former user of the variable is not used', async () => {
    await using service = await startService({ protocol, users: [emulatedUser('ADA'), emulatedUser('BOB')] })
    const { kept } = await service.ask(hello)
    const account = await renewedAccount(service.emulator, 1)
    const messages = [...hello, messageOf('assistant', 'Hi.'), messageOf('user', 'And now?')]
    const before = service.emulator.requests.length
    const { kept: own } = await service.ask(messages, { known: kept, account })
    expect(own?.split(' ')[0]).not.toBe(kept?.split(' ')[0])
    // the gateway must not even name the thread, because the service may make an empty thread for an unknown name
    const paths = service.emulator.requests.slice(before).map(({ path, body }) => path + body)
    expect(paths.join()).not.toContain(kept?.split(' ')[0] ?? 'nothing')
    expect(service.emulator.threads.get(kept?.split(' ')[0] ?? '')?.prompts).toEqual(['Hello there'])
  })
})

describe('the second protocol', () => {
  test('makes a project, sets the model, and sends the prompt in base64', async () => {
    await using service = await startService({ protocol: 'v2' })
    const { text, kept } = await service.ask([messageOf('user', 'Grüße 👋')])
    expect(text).toBe('You said: Grüße 👋')
    const [chatHistoryId, , workspaceId] = kept?.split(' ') ?? []
    expect(apiRequests(service.emulator)).toEqual([
      'PATCH /teams/preferred-model',
      'POST /projects/create-hosted',
      'POST /engine-agent/offers',
      `GET /engine-agent/chat-histories/${chatHistoryId}/buffer/stream`,
      'POST /engine-agent/chat',
    ])
    const socket = service.emulator.requests.at(-2)
    expect(socket?.path).toEndWith(`?token=user_TEST0001:org_TEST0001&workspaceId=${workspaceId}`)
    expect(socket?.headers.get('cookie')).toBe(`__client=${service.account.credential.cookie.reveal()}`)
    expect(JSON.parse(service.emulator.requests.at(-1)?.body ?? '')).toMatchObject({ encoded: true, chatHistoryId })
    expect(service.emulator.chats[0]).toMatchObject({ prompt: 'Grüße 👋', model: 'gpt_5_4' })
  })

  test('refuses a long prompt before it makes a project', async () => {
    await using service = await startService({ protocol: 'v2' })
    const failure = await failureOf(service.ask([messageOf('user', 'x'.repeat(25_000))]))
    expect(failure).toMatchObject({ reason: 'invalid-request', code: 'context_length_exceeded', param: 'messages' })
    expect(apiRequests(service.emulator)).toEqual(['PATCH /teams/preferred-model'])
    expect((await service.ask([messageOf('user', 'x'.repeat(24_000))])).finishes).toBe(1)
  })

  test('answers simultaneous requests, each with its own model', async () => {
    const pace = (chatted: ReceivedPrompt) => ({ body: answerOf(chatted.model, ' ', chatted.prompt), paceMs: 2 })
    await using service = await startService({ protocol: 'v2', reply: pace })
    const models = Array.from({ length: 12 }, (_, at) => ['gpt_5_4', 'glm_5_1', 'kimi_k2_5'][at % 3] ?? '')
    const answers = await Promise.all(models.map((model, at) => service.ask([messageOf('user', `${at}`)], { model })))
    expect(answers.map(({ text }) => text)).toEqual(models.map((model, at) => `${model} ${at}`))
  })

  test('runs requests for one model together', async () => {
    const stalled: CtoScript = { body: [ctoMessage(ctoState(true))], ending: 'stall' }
    await using service = await startService({ protocol: 'v2', reply: () => stalled })
    const controller = newCancel()
    const both = Promise.allSettled(
      [1, 2].map((at) => service.ask([messageOf('user', `${at}`)], { signal: controller })),
    )
    await until(() => service.emulator.chats.length === 2, 20_000, 'both were asked')
    const other = failureOf(service.ask(hello, { model: 'glm_5_1', signal: controller }))
    expect(await untilStill(() => service.emulator.chats.length, 30, 1_000)).toBe(2)
    controller.abort(new ChatError('cancelled', { message: 'left' }))
    expect((await other).reason).toBe('cancelled')
    await both
    await until(() => service.emulator.openConnections() === 0, 500, 'the sockets are closed')
  })

  test('starts a request for another model as soon as the answer has begun or failed', async () => {
    const begun: CtoScript = { body: answerOf('Hel').slice(0, 2) }
    const scripts: Readonly<Record<string, CtoScript>> = { begun, failing: { trigger: { status: 500 } } }
    await using service = await startService({ protocol: 'v2', reply: ({ prompt }) => scripts[prompt] })
    const controller = newCancel()
    const first = failureOf(service.ask([messageOf('user', 'begun')], { signal: controller }))
    await until(() => service.emulator.chats.length === 1, 20_000, 'it is asked')
    expect((await within(service.ask(hello, { model: 'glm_5_1' }), 20_000, 'an answer')).finishes).toBe(1)
    expect((await failureOf(service.ask([messageOf('user', 'failing')]))).reason).toBe('upstream-failed')
    expect((await within(service.ask(hello, { model: 'glm_5_1' }), 20_000, 'an answer')).finishes).toBe(1)
    const withoutSession = { ...service.account, credential: { cookie: service.account.credential.cookie } }
    expect((await failureOf(service.ask(hello, { account: withoutSession }))).reason).toBe('account-refused')
    expect((await within(service.ask(hello, { model: 'glm_5_1' }), 20_000, 'an answer')).finishes).toBe(1)
    controller.abort(new ChatError('cancelled', { message: 'left' }))
    expect((await first).reason).toBe('cancelled')
  })

  test('lists the models', async () => {
    await using service = await startService({ protocol: 'v2' })
    const [upstream] = provider.configure(new Environment(service.emulator.variables))
    const models = await upstream?.listModels?.(service.account, never)
    expect(models?.map(({ id, ownedBy }) => [id, ownedBy])).toEqual([
      ['gpt_5_4', 'openai'],
      ['glm_5_1', 'openai'],
    ])
  })

  test('distinguishes a reached limit from a rate limit', async () => {
    let hasReachedLimit = true
    const reply = () => ({ trigger: { status: 429, body: '{"message":"No."}', headers: { 'retry-after': '9' } } })
    await using service = await startService({ protocol: 'v2', reply, hasReachedLimit: () => hasReachedLimit })
    expect(await failureOf(service.ask(hello))).toMatchObject({ reason: 'quota-exhausted', retryAfterMs: 9_000 })
    hasReachedLimit = false
    expect(await failureOf(service.ask(hello))).toMatchObject({ reason: 'rate-limited', retryAfterMs: 9_000 })
  })
})

describe('a refused prompt', () => {
  const table = [
    [200, '<!doctype html><title>Sign in</title>', 'account-refused'],
    [200, '{"error":{"code":"insufficient_quota"}}', 'quota-exhausted'],
    [302, '', 'account-refused'],
    [400, '{"message":"No."}', 'invalid-request'],
    [401, '{"message":"Unauthorized"}', 'account-refused'],
    [402, '', 'quota-exhausted'],
    [403, '{"hasReachedLimit":true}', 'quota-exhausted'],
    [403, '{"error":{"message":"No."}}', 'account-refused'],
    [429, '{"limitReached":true,"message":"No."}', 'quota-exhausted'],
    [500, 'no', 'upstream-failed'],
    [503, '{"error":"No."}', 'overloaded'],
  ] as const
  for (const [status, body, reason] of table) {
    test(`with ${status} ${body} is ${reason}, and closes the socket`, async () => {
      await using service = await startService({ reply: () => ({ trigger: { status, body } }) })
      expect(await failureOf(service.ask(hello))).toMatchObject({ reason, upstreamStatus: status })
      await until(() => service.emulator.openConnections() === 0, 500, 'the socket is closed')
    })
  }
})

describe('a refused socket', () => {
  for (const [status, reason] of [
    [401, 'account-refused'],
    [403, 'account-refused'],
    [404, 'upstream-outdated'],
    [503, 'overloaded'],
  ] as const) {
    test(`with ${status} is ${reason}, and no prompt is sent`, async () => {
      await using service = await startService({ refuseSocket: () => status })
      expect(await failureOf(service.ask(hello))).toMatchObject({ reason, upstreamStatus: status })
      expect(service.emulator.chats).toBeEmpty()
    })
  }
})

describe('the emulator refuses a client that', () => {
  const emulator = emulateCto()
  afterAll(async () => (await emulator).close())
  const body = JSON.stringify({ prompt: 'x', chatHistoryId: crypto.randomUUID(), adapterName: 'GPT5' })

  async function post(headers: Record<string, string>, sent = body): Promise<number> {
    const { origin } = await emulator
    const { status } = await fetch(`${origin}/engine-agent/chat`, { method: 'POST', headers, body: sent })
    return status
  }

  async function good(): Promise<Record<string, string>> {
    const { credential } = await renewedAccount(await emulator)
    return {
      authorization: `Bearer ${credential.session?.jwt.reveal()}`,
      origin: emulatedOrigin,
      'content-type': 'application/json',
    }
  }

  /** Whether a socket is opened with this token, from this origin. */
  async function opens(token: string, origin = emulatedOrigin): Promise<boolean> {
    const url = `${(await emulator).origin.replace('http', 'ws')}/engine-agent/chat-histories/abc/buffer/stream?token=${token}`
    const socket = new WebSocket(url, { headers: { origin } })
    const opened = new Promise<boolean>((resolve) => {
      socket.addEventListener('open', () => resolve(true))
      socket.addEventListener('close', () => resolve(false))
    })
    const answer = await within(opened, 20_000, 'an answer')
    socket.terminate()
    return answer
  }

  test('sends a wrong token, a wrong origin or a wrong body', async () => {
    const headers = await good()
    expect(await post(headers)).toBe(202)
    expect(await post({ ...headers, authorization: `${headers.authorization}x` })).toBe(401)
    expect(await post({ ...headers, authorization: '' })).toBe(401)
    expect(await post({ ...headers, origin: 'https://evil.test' })).toBe(403)
    expect(await post({ ...headers, 'content-type': 'text/plain' })).toBe(415)
    expect(await post(headers, '{}')).toBe(400)
    expect(await post(headers, body.replace('adapterName', 'model'))).toBe(400)
  })

  test('sends a token that has ended', async () => {
    let now = Date.now()
    await using service = await startService({ now: () => now })
    now += 59_000
    expect((await service.ask(hello)).finishes).toBe(1)
    now += 2_000
    expect(await failureOf(service.ask(hello))).toMatchObject({ reason: 'account-refused', upstreamStatus: 401 })
  })

  test('listens with a token in place of the user’s id, or from another page', async () => {
    const { authorization = '' } = await good()
    expect(await opens('user_TEST0001')).toBe(true)
    expect(await opens(authorization.replace('Bearer ', ''))).toBe(false)
    expect(await opens('user_OTHER')).toBe(false)
    expect(await opens('user_TEST0001', 'https://evil.test')).toBe(false)
  })

  test('listens too late: it gets earlier messages only with the option `replays`', async () => {
    const textHeard = async (replays: boolean) => {
      await using service = await startService({ replays })
      const { kept } = await service.ask(hello)
      const url = `${service.emulator.origin.replace('http', 'ws')}/engine-agent/chat-histories/${kept?.split(' ')[0]}/buffer/stream?token=user_TEST0001`
      const socket = new WebSocket(url, { headers: { origin: emulatedOrigin } })
      let text = ''
      socket.addEventListener('message', ({ data }) => {
        text += data
      })
      await until(() => text.includes('inProgress'), 20_000, 'the first state')
      await untilStill(() => text.length, 20, 1_000)
      socket.terminate()
      return text
    }
    expect(await textHeard(false)).not.toContain('said')
    expect(await textHeard(true)).toContain('said')
  })
})
