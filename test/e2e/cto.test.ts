import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import OpenAI, { APIError, APIUserAbortError } from 'openai'
import { type CtoEmulator, emulateCto, emulatedUser } from '../../src/providers/cto/emulator/index.ts'
import { type CtoScript, ctoMessage, ctoState, ctoUpdate } from '../../src/providers/cto/emulator/script.ts'
import { until } from '../waiting.ts'
import { build, emptyFolder, type Running, start } from './program.ts'
import { errorOf } from './sdk.ts'

// The official SDK asks the executable, with cto.new as the upstream: an agent that keeps the conversation itself.

beforeAll(build, 120_000)

const ada = 'sk-ada-0123456789abcdef'
const bob = 'sk-bob-0123456789abcdef'
const model = 'cto/GPT5'
const hello = { model, messages: [{ role: 'user' as const, content: 'Hello there' }] }
type Messages = OpenAI.ChatCompletionMessageParam[]

/** The scripts for the next prompts. Without one the emulator answers by itself. */
let script: CtoScript | undefined
let cto: CtoEmulator
let gateway: Running
let client: OpenAI
let other: OpenAI
beforeAll(async () => {
  cto = await emulateCto({ users: [emulatedUser('one'), emulatedUser('two')], reply: () => script })
  gateway = await start({ ...cto.variables, API_MASTER_KEY: `${ada},${bob}`, STREAM_IDLE_TIMEOUT: '2' })
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: ada, maxRetries: 0 })
  other = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: bob, maxRetries: 0 })
}, 120_000)
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await cto.close()
})

/** Returns the prompts since then, by thread. */
function promptsSince(before: number): readonly (readonly string[])[] {
  const threads = new Map<string, string[]>()
  for (const { chatHistoryId, prompt } of cto.chats.slice(before))
    threads.set(chatHistoryId, [...(threads.get(chatHistoryId) ?? []), prompt])
  return [...threads.values()]
}

async function askForText(by: OpenAI, messages: Messages): Promise<string> {
  const { choices } = await by.chat.completions.create({ model, messages })
  return choices[0]?.message.content ?? ''
}

const isQuiet = () => until(() => cto.openConnections() === 0, 1_000, 'the sockets are closed')

describe('an answer', () => {
  test('comes whole, with its usage estimated', async () => {
    const { data, response } = await client.chat.completions.create(hello).withResponse()
    expect(data).toMatchObject({
      object: 'chat.completion',
      model,
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'You said: Hello there' } }],
    })
    expect(data.usage?.total_tokens).toBeGreaterThan(3)
    expect(response.headers.get('x-tributary-upstream')).toBe('cto')
    await isQuiet()
  })

  test('streams', async () => {
    const chunks = await Array.fromAsync(await client.chat.completions.create({ ...hello, stream: true }))
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant')
    const texts = chunks.flatMap(({ choices }) => choices[0]?.delta.content || [])
    expect(texts.length).toBeGreaterThan(2)
    expect(texts.join('')).toBe('You said: Hello there')
    expect(chunks.flatMap(({ choices }) => choices[0]?.finish_reason ?? [])).toEqual(['stop'])
    await isQuiet()
  })

  test('also comes over the second protocol, from every model of its list', async () => {
    const service = await emulateCto({ protocol: 'v2' })
    await using here = await start({ ...service.variables, API_MASTER_KEY: ada })
    const { chat, models } = new OpenAI({ baseURL: `${here.url}/v1`, apiKey: ada, maxRetries: 0 })
    const ids = (await Array.fromAsync(await models.list())).map(({ id }) => id).filter((id) => id.startsWith('cto/'))
    expect(ids).toEqual(['cto/gpt_5_4', 'cto/glm_5_1'])
    const answers = await Promise.all(ids.map((id) => chat.completions.create({ ...hello, model: id })))
    expect(answers.map(({ choices }) => choices[0]?.message.content)).toEqual(ids.map(() => 'You said: Hello there'))
    expect(service.chats.map(({ model: asked }) => `cto/${asked}`).sort()).toEqual([...ids].sort())
    await service.close()
  })

  test('to a request with tools is a refusal that names them', async () => {
    const tools = [{ type: 'function' as const, function: { name: 'weather' } }]
    const refused = await errorOf(client.chat.completions.create({ ...hello, tools }))
    expect(refused).toMatchObject({ status: 400, code: 'unsupported_parameter', param: 'tools' })
    expect(String(refused)).toEndWith('EMULATE_TOOLS=all emulates tools here too.')
  })
})

describe('a conversation', () => {
  test('of ten turns is one thread with ten short prompts', async () => {
    const before = cto.chats.length
    const messages: Messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'turn 1' },
    ]
    for (let turn = 1; turn <= 10; turn++) {
      const content = await askForText(client, messages)
      expect(content).toContain(`turn ${turn}`)
      messages.push({ role: 'assistant', content }, { role: 'user', content: `turn ${turn + 1}` })
    }
    const rest = Array.from({ length: 9 }, (_, at) => `turn ${at + 2}`)
    expect(promptsSince(before)).toEqual([['Be brief.\n\nturn 1', ...rest]])
  })

  test('streamed is one thread as well', async () => {
    const before = cto.chats.length
    const messages: Messages = [{ role: 'user', content: 'first streamed' }]
    for (const next of ['second streamed', 'third streamed']) {
      const content = await client.chat.completions.stream({ model, messages }).finalContent()
      messages.push({ role: 'assistant', content }, { role: 'user', content: next })
    }
    await askForText(client, messages)
    expect(promptsSince(before)).toEqual([['first streamed', 'second streamed', 'third streamed']])
  })

  test('of one client’s key is never used for another key, even with the same messages', async () => {
    const before = cto.chats.length
    const opening: Messages = [{ role: 'user', content: 'the same words' }]
    const [content = ''] = await Promise.all([askForText(client, opening), askForText(other, opening)])
    const messages: Messages = [...opening, { role: 'assistant', content }, { role: 'user', content: 'and more' }]
    await askForText(client, messages)
    await askForText(other, messages)
    const threads = promptsSince(before)
    expect(threads).toEqual([
      ['the same words', 'and more'],
      ['the same words', 'and more'],
    ])
  })

  test('that begins like another one has its own thread', async () => {
    const before = cto.chats.length
    await Promise.all(Array.from({ length: 5 }, () => askForText(client, [{ role: 'user', content: 'five at once' }])))
    expect(promptsSince(before)).toEqual(Array.from({ length: 5 }, () => ['five at once']))
  })

  test('whose thread is lost is sent again in full, and the client does not notice', async () => {
    const opening: Messages = [{ role: 'user', content: 'soon deleted' }]
    const content = await askForText(client, opening)
    cto.forget(cto.chats.at(-1)?.chatHistoryId ?? '')
    const before = cto.chats.length
    expect(
      await askForText(client, [...opening, { role: 'assistant', content }, { role: 'user', content: 'and now?' }]),
    ).toContain('and now?')
    expect(promptsSince(before).at(-1)?.[0]).toContain('User: soon deleted')
  })
})

describe('a conversation goes on after a restart', () => {
  for (const [how, inFile, expected] of [
    ['in its thread, if the state is in a file', true, [['first', 'second', 'third']]],
    [
      'in a new thread, if the state was in memory',
      false,
      [['first', 'second'], [expect.stringContaining('User: first')]],
    ],
  ] as const)
    test(how, async () => {
      await using folder = await emptyFolder()
      const STATE_URL = inFile ? `sqlite:${folder.path}/state.db` : 'memory:'
      const variables = { ...cto.variables, API_MASTER_KEY: ada, STATE_URL, STATE_SECRET: 'a-secret-of-the-cto-tests' }
      const before = cto.chats.length
      const messages: Messages = []
      for (const turns of [['first', 'second'], ['third']]) {
        await using program = await start(variables)
        const by = new OpenAI({ baseURL: `${program.url}/v1`, apiKey: ada, maxRetries: 0 })
        for (const content of turns) {
          messages.push({ role: 'user', content })
          messages.push({ role: 'assistant', content: await askForText(by, messages) })
        }
        // like a crash of the machine
        await program.stop('SIGKILL')
      }
      expect(promptsSince(before)).toEqual(expected.map((prompts) => [...prompts]))
    })
})

describe('a client that leaves', () => {
  const opening = [ctoMessage(ctoState(true))]
  const word = ctoMessage(ctoUpdate({ id: 'a', type: 'chat', chat: { content: 'Hel' } }))
  const windows: readonly (readonly [string, CtoScript])[] = [
    ['before the prompt is taken', { trigger: 'silent' }],
    ['before the first word', { body: opening }],
    ['within the answer', { body: [...opening, word] }],
  ]
  for (const [name, scripted] of windows) {
    test(`${name} closes the socket`, async () => {
      script = scripted
      const before = cto.chats.length
      const controller = new AbortController()
      const texts: string[] = []
      const leaving = (async () => {
        const stream = await client.chat.completions.create({ ...hello, stream: true }, { signal: controller.signal })
        for await (const { choices } of stream) texts.push(choices[0]?.delta.content ?? '')
      })()
      const outcome = leaving.catch((thrown: unknown) => thrown)
      const isThere = () => cto.chats.length > before && (name !== 'within the answer' || texts.join('') === 'Hel')
      await until(isThere, 20_000, 'it is asked')
      expect(cto.openConnections()).toBeGreaterThan(0)
      controller.abort()
      const thrown = await outcome
      expect(thrown === undefined || thrown instanceof APIUserAbortError).toBe(true)
      await isQuiet()
      script = undefined
    })
  }
})

test('a stream that is cut throws, with the text so far', async () => {
  const body = [ctoState(true), ctoUpdate({ id: 'a', type: 'chat', chat: { content: 'Hel' } })].map(ctoMessage)
  script = { body, ending: { close: 1000 } }
  let text = ''
  const read = async () => {
    for await (const { choices } of await client.chat.completions.create({ ...hello, stream: true }))
      text += choices[0]?.delta.content ?? ''
  }
  const thrown = await read().catch((error: unknown) => error)
  script = undefined
  expect(thrown).toBeInstanceOf(APIError)
  expect(thrown).toMatchObject({ code: 'upstream_disconnected' })
  expect(text).toBe('Hel')
})

test('many requests share one token, and a replaced session gets a new one, without an error', async () => {
  const [user = emulatedUser('three')] = cto.users
  const service = await emulateCto({ users: [{ ...user }], rotates: true })
  await using here = await start({ ...service.variables, API_MASTER_KEY: ada })
  const { chat } = new OpenAI({ baseURL: `${here.url}/v1`, apiKey: ada, maxRetries: 0 })
  const made = () => service.requests.filter(({ path }) => path.includes('/tokens')).length
  await Promise.all(Array.from({ length: 20 }, () => chat.completions.create(hello)))
  expect(made()).toBe(1)
  for (const signedIn of service.users) signedIn.sessions = ['sess_later']
  const answers = await Promise.all(Array.from({ length: 20 }, () => chat.completions.create(hello)))
  expect(answers.every(({ choices }) => choices[0]?.message.content === 'You said: Hello there')).toBe(true)
  // one request with the old session, and one with the new session
  expect(made()).toBe(3)
  expect(here.output()).not.toContain(user.cookie)
  await service.close()
})

test('the error of a signed-out account says what the operator must do', async () => {
  const service = await emulateCto()
  await using here = await start({ ...service.variables, API_MASTER_KEY: ada })
  for (const user of service.users) user.sessions = []
  const { chat } = new OpenAI({ baseURL: `${here.url}/v1`, apiKey: ada, maxRetries: 0 })
  expect(await errorOf(chat.completions.create(hello))).toMatchObject({ code: 'upstream_login_needed' })
  await service.close()
})
