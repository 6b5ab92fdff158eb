/** Follows docs/adding-an-upstream.md to the letter: the test writes the files of the guide, and checks its promises. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import OpenAI from 'openai'
import { addressIn, type FollowedGuide, followGuide, plain, tool } from './guide.ts'
import { within } from './waiting.ts'

let guide: FollowedGuide
beforeAll(async () => {
  guide = await followGuide('docs/adding-an-upstream.md')
})
afterAll(() => guide.close())

/** The tests of the laws for one upstream. */
const laws = [process.execPath, 'test', 'test/laws', '-t', '^parrot ']
const wellDone = { code: 0, said: expect.any(String) }

test('the guide adds one folder, one line in the list of providers, and one row in the laws', async () => {
  const after = await guide.contents()
  const touched = [...after].filter(([path, text]) => guide.before.get(path) !== text).map(([path]) => path)
  expect(touched.filter((path) => !path.startsWith('src/providers/parrot/')).sort()).toEqual([
    'src/providers/index.ts',
    'test/laws/parrot.ts',
    'test/laws/subjects.ts',
  ])
  expect(touched.length).toBe(guide.blocks.length)
  expect([...guide.before.keys()].filter((path) => !after.has(path))).toEqual([])
  const lines = (text = '') => text.split('\n')
  const added = lines(after.get('src/providers/index.ts')).filter(
    (line) => !lines(guide.before.get('src/providers/index.ts')).includes(line),
  )
  expect(added).toEqual([expect.stringMatching(/^import .*parrot/), '  parrot,'])
})

describe('the source of the guide', () => {
  test('has the right types', async () => {
    expect(await guide.checkTypes()).toEqual(wellDone)
  })

  test('is formatted and linted', async () => {
    expect(await guide.run(process.execPath, tool('biome'), 'check', '--vcs-enabled=false', ...codePaths())).toEqual(
      wellDone,
    )
  })

  test('passes its own test and the tests of the architecture and of the start', async () => {
    const { code, said } = await guide.run(
      process.execPath,
      'test',
      'src/providers/parrot',
      'test/architecture.test.ts',
      'test/start.test.ts',
    )
    expect({ code, said }).toEqual(wellDone)
    expect(said).toMatch(/\b[1-9]\d* pass\n\s*0 fail/)
  })

  test('obeys the laws', async () => {
    const { code, said } = await guide.run('env', 'TRIBUTARY_TEST_SUBJECT=parrot', ...laws)
    expect({ code, said }).toEqual(wellDone)
    expect(Number(/(\d+) pass\n/.exec(said)?.[1])).toBeGreaterThan(30)
  })
})

function codePaths(): string[] {
  return guide.blocks.map(({ path }) => path).filter((path) => path.endsWith('.ts'))
}

describe('the gateway from that source, with the official SDK', () => {
  const token = 'token-of-the-guide'
  let emulator: { readonly origin: string; readonly chats: readonly unknown[]; close(): Promise<void> } | undefined
  let server: Bun.Subprocess<'ignore', 'pipe', 'inherit'> | undefined
  let client = new OpenAI({ apiKey: 'unset' })

  beforeAll(async () => {
    const { emulateParrot } = await import(join(guide.folder, 'src/providers/parrot/emulator/index.ts'))
    const running: NonNullable<typeof emulator> = await emulateParrot({ tokens: [token] })
    emulator = running
    server = Bun.spawn([process.execPath, 'src/main.ts'], {
      cwd: guide.folder,
      env: { ...plain, HOST: '127.0.0.1', PORT: '0', PARROT_TOKEN: token, PARROT_BASE_URL: running.origin },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'inherit',
    })
    const url = await within(addressIn(server.stdout), 60_000, 'the address')
    client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 })
  })

  afterAll(async () => {
    server?.kill('SIGTERM')
    await server?.exited
    await emulator?.close()
  })

  const messages = [{ role: 'user' as const, content: 'Polly wants 🍪 and more' }]

  test('lists its model', async () => {
    const listed = await client.models.list()
    expect(listed.data.map(({ id }) => id)).toContain('parrot/grey')
  })

  test('a streamed answer', async () => {
    const stream = await client.chat.completions.create({ model: 'parrot/grey', messages, stream: true })
    let text = ''
    const ends: unknown[] = []
    for await (const { choices } of stream) {
      text += choices[0]?.delta.content ?? ''
      if (choices[0]?.finish_reason) ends.push(choices[0].finish_reason)
    }
    expect({ text, ends }).toEqual({ text: 'Polly wants 🍪 and more', ends: ['stop'] })
  })

  test('a JSON answer, with the receipt of its parameters', async () => {
    const { data, response } = await client.chat.completions
      .create({ model: 'parrot/grey', messages, max_tokens: 3, temperature: 0.5, seed: 7 })
      .withResponse()
    expect(data.choices[0]?.message.content).toBe('Polly wants 🍪')
    expect(data.choices[0]?.finish_reason).toBe('length')
    expect(data.usage).toEqual({ prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 })
    expect(response.headers.get('x-tributary-upstream')).toBe('parrot')
    const receipt = response.headers.get('x-tributary-parameters')?.split(', ').sort()
    expect(receipt).toEqual(['max_tokens=mapped', 'seed=dropped', 'temperature=mapped'])
    expect(emulator?.chats.at(-1)).toMatchObject({ mood: 0.5, most_words: 3 })
  })

  test('tools that must not be emulated are refused without a request to the upstream', async () => {
    const asked = emulator?.chats.length
    const tools = [{ type: 'function' as const, function: { name: 'fly' } }]
    const refusal: unknown = await client.chat.completions
      .create({ model: 'parrot/grey', messages, tools, ...{ tributary: { emulate: false } } })
      .catch((thrown: unknown) => thrown)
    expect(refusal).toMatchObject({ status: 400, code: 'unsupported_parameter', param: 'tools' })
    expect(emulator?.chats.length).toBe(asked ?? -1)
  })
})
