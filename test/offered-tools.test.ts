import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { emulateOpenai, type OpenaiEmulator } from '../src/providers/openai-compatible/emulator/index.ts'
import { serverAlias } from '../src/tools/names.ts'
import { askChatServer, post as postChat } from './chaos/chat-server-client.ts'
import { saying } from './chaos/chat-server-model.ts'
import { type ChatServerRig, mcpServers, startChatServer, stdio } from './chaos/chat-server-rig.ts'

// The tools of the gateway that a model is offered. They depend on the upstream's limit, on the running servers and on the choice.

const raw = (mode: string) => ({
  command: process.execPath,
  args: [join(import.meta.dir, 'tools/raw-server.ts'), mode],
})
const page = 'https://page.example'
const absent = { command: '/there/is/no/such/command' }

let model: OpenaiEmulator
beforeAll(async () => {
  model = await emulateOpenai({ models: ['m', 'both'], reply: ({ stream }) => (stream ? saying('Hello') : undefined) })
})
afterAll(() => model.close())

function start(
  servers: Readonly<Record<string, object>>,
  variables: Readonly<Record<string, string>> = {},
): ChatServerRig {
  return startChatServer({
    UPSTREAM_LAB_URL: model.url,
    UPSTREAM_LAB_MODELS: 'm,both',
    OPENAI_BASE_URL: model.url,
    OPENAI_API_KEY: 'sk-of-the-test',
    OPENAI_MODELS: 'm,both',
    CHAT_MODEL: 'openai/m',
    CORS_ORIGINS: page,
    ...mcpServers(servers),
    ...variables,
  })
}

interface Offered {
  readonly name: string
  readonly description: string
}

/** Returns the tools in the last request. */
function offered(): readonly Offered[] {
  const sent: readonly { readonly function: Offered }[] = JSON.parse(JSON.stringify(model.chats.at(-1)?.tools ?? []))
  return sent.map((tool) => tool.function)
}
const namesOffered = () => offered().map(({ name }) => name)

function complete(url: string, body: object): Promise<Response> {
  const messages = [{ role: 'user', content: 'Hello' }]
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: page },
    body: JSON.stringify({ messages, ...body }),
  })
}

describe('an upstream with a limit of 128 tools and descriptions of 1,024 characters', () => {
  let rig: ChatServerRig
  beforeAll(() => {
    rig = start({ many: raw('described') }, { ROUTES: 'both-of-them = lab/m + openai/m', TOOL_SEARCH_OVER: '1000' })
  })
  afterAll(() => rig[Symbol.asyncDispose]())

  for (const stream of [true, false])
    test(`gets tools within its limits, ${stream ? 'streamed' : 'whole'}; a header and a log line name the others`, async () => {
      const before = rig.lines.length
      const response = await complete(rig.url, { model: 'openai/m:tools', stream })
      await response.text()
      expect(offered()).toHaveLength(128)
      expect(namesOffered().slice(0, 2)).toEqual(['builtin__current_time', 'many__t0'])
      for (const { description } of offered()) expect(description.length).toBeLessThanOrEqual(1024)
      expect(offered()[1]?.description).toMatch(/^d+\n\[… \d+ characters are left out here …\]\nd+ end$/)
      const omitted = response.headers.get('x-tributary-tools-omitted') ?? ''
      expect(omitted).toStartWith('many__t127, many__t128, ')
      expect(omitted).toEndWith('many__t146 (+3)')
      expect(response.headers.get('access-control-expose-headers')).toContain('x-tributary-tools-omitted')
      const lines = rig.lines.slice(before).filter((line) => line.includes('tools were left out or'))
      expect(lines.map((line) => JSON.parse(line))).toMatchObject([
        { level: 'warn', omitted: 23, omittedTools: expect.arrayContaining(['many__t127']), shortened: 127 },
      ])
    })

  test('gets the client’s own tools first, unchanged', async () => {
    const own = Array.from({ length: 100 }, (_, at) => ({
      type: 'function',
      function: { name: `own${at}`, description: 'o'.repeat(3_000), parameters: { type: 'object' } },
    }))
    const tools = [...own, { type: 'mcp', server_label: 'many' }]
    const response = await complete(rig.url, { model: 'openai/m', tools })
    await response.text()
    expect(offered()).toHaveLength(128)
    expect(offered().slice(0, 100)).toMatchObject(
      own.map(({ function: { name, description } }) => ({ name, description })),
    )
    expect(response.headers.get('x-tributary-tools-omitted')).toStartWith('many__t28, ')
  })

  test('gets all 130 tools of a client, and none of the gateway’s', async () => {
    const own = Array.from({ length: 130 }, (_, at) => ({ type: 'function', function: { name: `own${at}` } }))
    const response = await complete(rig.url, { model: 'openai/m:tools', tools: own })
    await response.text()
    expect(namesOffered()).toEqual(own.map(({ function: { name } }) => name))
    expect(response.headers.get('x-tributary-tools-omitted')).toEndWith('(+131)')
  })

  test('gets the tool that the client requires, at any position', async () => {
    const choice = { type: 'function', function: { name: 'many__t149' } }
    await (await complete(rig.url, { model: 'openai/m:tools', tool_choice: choice })).text()
    expect(offered()).toHaveLength(128)
    expect(namesOffered()).toContain('many__t149')
  })

  test('limits a bare name of two upstreams and a panel too', async () => {
    for (const name of ['both', 'both-of-them']) {
      const response = await complete(rig.url, { model: `${name}:tools` })
      await response.text()
      expect(offered()).toHaveLength(128)
      expect(response.headers.get('x-tributary-tools-omitted')).toStartWith('many__t127, ')
    }
  })

  test('does not limit another upstream', async () => {
    const response = await complete(rig.url, { model: 'lab/m:tools' })
    await response.text()
    expect(offered()).toHaveLength(151)
    expect(offered()[1]?.description).toHaveLength(2_000)
    expect(response.headers.get('x-tributary-tools-omitted')).toBeNull()
  })

  test('limits the chat server too', async () => {
    const response = await postChat(rig.url, { session_id: 'many', content: 'Hello' })
    expect(await response.text()).toContain('"complete"')
    expect(offered()).toHaveLength(128)
    expect(response.headers.get('x-tributary-tools-omitted')).toStartWith('many__t127, ')
  })
})

describe('a missing server', () => {
  const ways: Readonly<Record<string, (url: string) => Promise<Response>>> = {
    streamed: (url) => complete(url, { model: 'lab/m:tools', stream: true }),
    whole: (url) => complete(url, { model: 'lab/m:tools' }),
    'in the chat server': (url) => postChat(url, { session_id: 'missing', content: 'Hello' }),
  }
  for (const [how, ask] of Object.entries(ways))
    test(`is named in a header, ${how}, and the others’ tools are offered`, async () => {
      await using rig = start({ files: absent, 'with, comma': absent, there: raw('echoing') })
      const response = await ask(rig.url)
      await response.text()
      expect(response.status).toBe(200)
      expect(response.headers.get('x-tributary-tools-missing')).toBe('files, with%2C comma')
      expect(namesOffered()).toContain('there__echo')
    })

  test('is not named to a client that does not ask for its tools', async () => {
    await using rig = start({ files: absent, there: raw('echoing') })
    const tools = [{ type: 'mcp', server_label: 'there' }]
    const response = await complete(rig.url, { model: 'lab/m', tools })
    await response.text()
    expect(response.headers.get('x-tributary-tools-missing')).toBeNull()
  })
})

describe('a session’s choice of tools', () => {
  let rig: ChatServerRig
  beforeAll(() => {
    rig = start({ lab: stdio('stdio'), 'my files': absent, there: raw('echoing') })
  })
  afterAll(() => rig[Symbol.asyncDispose]())

  const there = ['there__flood', 'there__hang', 'there__deep', 'there__echo', 'there__mute']
  for (const [choice, expected] of [
    [
      ['lab__echo', 'builtin__current_time'],
      ['builtin__current_time', 'lab__echo'],
    ],
    [['there__*'], there],
    [
      ['there__*', 'there__echo', 'lab__echo'],
      ['lab__echo', ...there],
    ],
    [['my files__*', 'lab__echo'], ['lab__echo']],
    [['*', 'lab__echo'], expect.arrayContaining(['builtin__current_time', 'lab__echo', 'there__echo'])],
    [[], []],
  ] as const)
    for (const path of ['/api/chat/stream', '/api/chat/stream/direct'])
      test(`${JSON.stringify(choice)} offers exactly these tools, by ${path}`, async () => {
        const asked = { content: 'Hello', messages: [{ role: 'user', content: 'Hello' }] }
        await askChatServer(rig.url, { session_id: `${path} ${choice}`, ...asked, tools: choice }, { path })
        expect(namesOffered()).toEqual(Array.isArray(expected) ? [...expected] : expected)
      })

  test('applies to later requests, until another choice', async () => {
    const ask = (more: object = {}) => askChatServer(rig.url, { session_id: 'kept', content: 'Hello', ...more })
    await ask({ tools: ['lab__echo'] })
    await ask()
    expect(namesOffered()).toEqual(['lab__echo'])
    await ask({ tools: null })
    expect(namesOffered()).toEqual(['lab__echo'])
    await ask({ tools: ['*'], model_config: { use_tools: false } })
    expect(namesOffered()).toEqual([])
    await ask()
    expect(namesOffered().length).toBeGreaterThan(20)
    await askChatServer(rig.url, { session_id: 'another', content: 'Hello' })
    expect(namesOffered().length).toBeGreaterThan(20)
  })

  for (const [tools, param, says, status = 400] of [
    [['lab__echo', 'lab__no_such'], 'tools[1]', '"lab__no_such"'],
    [['nowhere__*'], 'tools[0]', '"nowhere__*"'],
    [['echo'], 'tools[0]', '"echo"'],
    [['lab'], 'tools[0]', '"lab"'],
    [['__*'], 'tools[0]', '"__*"'],
    [[''], 'tools[0]', ''],
    [['lab__echo', 7], 'tools[1]', ''],
    [[{ type: 'function', function: { name: 'lab__echo' } }], 'tools[0]', ''],
    ['lab__*', 'tools', ''],
    [Array.from({ length: 1_001 }, () => 'lab__echo'), 'tools', '1000', 413],
  ] as const)
    test(`${JSON.stringify(tools).slice(0, 60)} is refused before the session is written`, async () => {
      const session = `refused ${param} ${says}`
      const response = await postChat(rig.url, { session_id: session, content: 'Hello', tools })
      expect(response.status).toBe(status)
      const { error } = JSON.parse(await response.text())
      expect(error.param).toBe(param)
      expect(error.message).toContain(says)
      expect((await fetch(`${rig.url}/api/sessions/${encodeURIComponent(session)}/messages`)).status).toBe(404)
    })

  test('may name a tool of a configured server that is missing at the moment', async () => {
    const response = await postChat(rig.url, {
      session_id: 'later',
      content: 'Hello',
      tools: [`${serverAlias('my files')}__read`, 'lab__echo'],
    })
    expect(await response.text()).toContain('"complete"')
    expect(namesOffered()).toEqual(['lab__echo'])
    expect(response.headers.get('x-tributary-tools-missing')).toBe('my files')
  })

  test('does not ask servers that it does not name', async () => {
    const response = await postChat(rig.url, { session_id: 'not asked', content: 'Hello', tools: ['lab__echo'] })
    await response.text()
    expect(response.headers.get('x-tributary-tools-missing')).toBeNull()
  })
})
