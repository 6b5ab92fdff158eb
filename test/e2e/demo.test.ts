import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import OpenAI from 'openai'
import { providers } from '../../src/providers/index.ts'
import { emulateHttp } from '../../src/wire/emulator/http.ts'
import { each, measureBelow, until, within } from '../waiting.ts'
import { build, emptyFolder, type Running, run, start, type Variables } from './program.ts'

// `tributary demo` of the executable. The commands that it prints are enough to try it.

beforeAll(build, 120_000)

async function startDemo(variables: Variables = {}): Promise<Running> {
  const demo = await start(variables, { args: ['demo'] })
  await until(() => demo.output().includes('Ctrl-C'), 20_000, 'the end of the introduction')
  return demo
}

/** Finds the commands that it prints, as a user would copy them. */
function curlsIn(output: string): string[] {
  return [...output.matchAll(/^ +curl (?:.*\\\n)*[^']*'(?:[^']*)'\n/gm)].map(([command]) => command)
}

async function shell(command: string, variables: Variables = {}): Promise<string> {
  const env = { PATH: process.env.PATH ?? '', ...variables }
  const child = Bun.spawn(['sh', '-c', command], { env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const output = await within(child.stdout.text(), 10_000, command)
  expect(await child.exited).toBe(0)
  return output
}

/** Joins the texts of a stream. */
function streamed(body: string): string {
  expect(body).toEndWith('data: [DONE]\n\n')
  const chunks = [...body.matchAll(/^data: (\{.*)$/gm)].map(([, chunk]) => JSON.parse(chunk ?? ''))
  return chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')
}

async function expectTrueAnswers(output: string, variables: Variables = {}): Promise<void> {
  const curls = curlsIn(output)
  expect(curls).toHaveLength(3)
  const [whole = '', stream = '', call = ''] = await Promise.all(curls.map((command) => shell(command, variables)))
  expect(JSON.parse(whole)).toMatchObject({ choices: [{ message: { content: 'You said: Hello!' } }] })
  expect(streamed(stream)).toBe(
    ['Cohere (command-r-08-2024)', 'AI21 Labs (jamba-mini)', 'Mistral (mistral-small-latest)']
      .map((title) => `--- [${title}] ---\nYou said: Good morning!`)
      .join('\n'),
  )
  const toolCall = { type: 'function', function: { name: 'weather', arguments: '{"city":"Paris"}' } }
  expect(JSON.parse(call)).toMatchObject({
    choices: [{ message: { tool_calls: [toolCall] }, finish_reason: 'tool_calls' }],
  })
}

test('a .env that is valid for the server causes no warning', async () => {
  await using folder = await emptyFolder()
  const lines = [
    'OPENAI_API_KEY_1=a',
    'UPSTREAM_LAB_URL=http://127.0.0.1:1/v1',
    'MISTRAL_API_KEY=a',
    'TOOL_MAX_ROUNDS=3',
  ]
  await Bun.write(join(folder.path, '.env'), lines.join('\n'))
  await using demo = await start({}, { args: ['demo'], cwd: folder.path })
  expect(demo.output()).not.toContain('warning')
})

test('it reads its .env again when it is asked to', async () => {
  await using folder = await emptyFolder()
  const path = join(folder.path, '.env')
  await Bun.write(path, 'LOG_LEVEL=info')
  await using demo = await start({}, { args: ['demo'], cwd: folder.path })
  await Bun.write(path, 'LOG_LEVEL=warn')
  const response = await fetch(`${demo.url}/admin/reload`, { method: 'POST' })
  expect(await response.json()).toEqual({ changed: ['LOG_LEVEL'], at_next_start: [], problems: [] })
})

describe('demo', () => {
  let demo: Running
  let client: OpenAI
  beforeAll(async () => {
    demo = await startDemo()
    client = new OpenAI({ baseURL: `${demo.url}/v1`, apiKey: 'any', maxRetries: 0 })
  }, 60_000)
  afterAll(() => demo[Symbol.asyncDispose]())

  test('prints commands that work', () => expectTrueAnswers(demo.output()))

  test('has and prints a model of every kind of upstream', async () => {
    const { data } = await client.models.list()
    const upstreams = new Set(data.map(({ id }) => (id.includes('/') ? id.slice(0, id.indexOf('/')) : id)))
    const kinds = providers.map(({ name }) => (name === 'openai-compatible' ? 'openai' : name))
    expect([...upstreams].toSorted()).toEqual([...kinds, 'rawbot-omnibus'].toSorted())
    const printed =
      demo
        .output()
        .split('\n\n')
        .find((part) => part.startsWith('upstream ')) ?? ''
    const words = new Set(printed.split(/[\s,]+/))
    for (const { id } of data) expect(words).toContain(id.slice(id.indexOf('/') + 1))
  })

  test('answers with each of its models for chats, with and without streaming', async () => {
    const { data } = await client.models.list()
    expect(data.length).toBeGreaterThan(30)
    const messages = [{ role: 'user' as const, content: 'good evening' }]
    // a model that is not for chats has another type
    const chats = data.filter((one) => 'type' in one && one.type === 'model')
    await each(chats, 8, async ({ id: model }) => {
      const { choices } = await client.chat.completions.create({ model, messages })
      expect(`${model}: ${choices[0]?.message.content}`).toContain('You said: good evening')
      const stream = await client.chat.completions.create({ model, messages, stream: true })
      const texts: string[] = []
      for await (const chunk of stream) texts.push(chunk.choices[0]?.delta.content ?? '')
      expect(`${model}: ${texts.join('')}`).toContain('You said: good evening')
    })
  })

  test('reports a port in use: 1', async () => {
    const variables = { HOST: '127.0.0.1', PORT: new URL(demo.url).port }
    const { code, stdout, stderr } = await run(['demo'], { variables })
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^Cannot listen on 127\.0\.0\.1:\d+: .*PORT=0 picks a free one\.\n$/)
  })

  test('reports a wrong PORT: 78', async () => {
    const { code, stdout, stderr } = await run(['demo'], { variables: { PORT: 'eighty' } })
    expect([code, stdout]).toEqual([78, ''])
    expect(stderr).toContain('PORT is not a whole number')
  })
})

describe('demo and the environment', () => {
  test('requires the configured key, prints how to send it, and never prints the key', async () => {
    const key = 'sk-demo-canary-7d20f4,sk-demo-other-41ac9e'
    await using demo = await startDemo({ API_MASTER_KEY: key })
    const refused = await fetch(`${demo.url}/v1/models`)
    expect(refused.status).toBe(401)
    await expectTrueAnswers(demo.output(), { API_MASTER_KEY: key })
    expect(demo.output()).not.toContain('canary')
    expect(demo.output()).not.toContain('41ac9e')
  })

  test('ignores all other settings: upstreams, state and proxy', async () => {
    await using folder = await emptyFolder()
    const outside = await emulateHttp((exchange) => exchange.reply(500, '{}'))
    const file = join(folder.path, 'state.db')
    await Bun.write(
      join(folder.path, '.env'),
      `UPSTREAM_LAB_URL=${outside.origin}/v1\nMISTRAL_BASE_URL=${outside.origin}\n`,
    )
    const demo = await start(
      {
        OPENAI_BASE_URL: `${outside.origin}/v1`,
        GROQ_API_KEY: 'a-key-of-the-operator',
        GROQ_BASE_URL: `${outside.origin}/v1`,
        SMITHERY_COOKIE_1: 'what is no cookie',
        STATE_URL: `sqlite:${file}`,
        HTTP_PROXY: outside.origin,
        http_proxy: outside.origin,
        ALL_PROXY: outside.origin,
      },
      { args: ['demo'], cwd: folder.path },
    )
    await expectTrueAnswers(demo.output())
    expect(demo.output()).not.toMatch(/groq|lab\b/)
    expect(await demo.stop('SIGINT')).toBe(0)
    expect(outside.requests).toEqual([])
    expect(await Bun.file(file).exists()).toBe(false)
    await outside.close()
  })
})

describe('Ctrl-C', () => {
  test('ends it within a second with 0, and frees its port', async () => {
    await measureBelow(1_000, 'milliseconds until it ended', async () => {
      await using demo = await startDemo()
      await (await fetch(`${demo.url}/health`)).text()
      const startedAt = performance.now()
      expect(await demo.stop('SIGINT')).toBe(0)
      const tookMs = performance.now() - startedAt
      await using again = await startDemo({ PORT: new URL(demo.url).port })
      expect(again.url).toBe(demo.url)
      return tookMs
    })
  })
})
