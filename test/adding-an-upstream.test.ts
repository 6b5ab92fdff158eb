/** docs/adding-an-upstream.md, followed to the letter: what it says is written is written, and what it promises is tried. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cp, mkdtemp, readFile, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import OpenAI from 'openai'
import { within } from './waiting.ts'

const root = join(import.meta.dir, '..')
const guide = await Bun.file(join(root, 'docs/adding-an-upstream.md')).text()

interface Block {
  readonly path: string
  readonly language: string
  readonly text: string
}

/** The code blocks that stand under the name of a file. */
const blocks: readonly Block[] = [...guide.matchAll(/^`([\w./-]+)`\n\n```(\w+)\n(.*?)^```$/gms)].map(
  ([, path = '', language = '', text = '']) => ({ path, language, text }),
)

/** What is not part of the source: installed, built, or git's own. */
const foreign = /(^|\/)(node_modules|dist|coverage|\.git)(\/|$)/

let folder = ''
let before = new Map<string, string>()

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'tributary-parrot-')))
  await cp(root, folder, { recursive: true, filter: (path) => !foreign.test(relative(root, path)) })
  await symlink(await realpath(join(root, 'node_modules')), join(folder, 'node_modules'))
  before = await contents()
  for (const { path, language, text } of blocks) {
    const file = Bun.file(join(folder, path))
    await file.write(language === 'diff' ? patched(await file.text(), text) : text)
  }
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** Every file of the copy, by its path. */
async function contents(): Promise<Map<string, string>> {
  const paths = [...new Bun.Glob('**').scanSync({ cwd: folder, dot: true })].filter((path) => !foreign.test(path))
  return new Map(
    await Promise.all(
      paths.map(async (path) => [path, (await readFile(join(folder, path))).toString('latin1')] as const),
    ),
  )
}

/** Applies a diff: ` ` finds a line, `-` takes one away, `+` puts one there. `…` is whatever stands in its place. */
function patched(source: string, diff: string): string {
  const lines = source.split('\n')
  let at = 0
  let elided = ''
  for (const line of diff.trimEnd().split('\n')) {
    const [mark, text] = [line[0], line.slice(1)]
    if (mark === '+') {
      lines.splice(
        at++,
        0,
        text.replace('…', () => elided),
      )
      continue
    }
    const [start = '', end] = text.split('…')
    const found = lines.findIndex((candidate, index) => {
      if (index < at) return false
      return end === undefined ? candidate === text : candidate.startsWith(start) && candidate.endsWith(end)
    })
    if (found === -1) throw new Error(`there is no line ${text}`)
    if (end !== undefined) elided = lines[found]?.slice(start.length, -end.length || undefined) ?? ''
    at = found
    if (mark === '-') lines.splice(at, 1)
    else at++
  }
  return lines.join('\n')
}

/** Runs a command in the copy, to its end. */
async function run(...command: string[]): Promise<{ readonly code: number; readonly said: string }> {
  const child = Bun.spawn(command, { cwd: folder, env: plain, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { code, said: out + err }
}

/** Nothing of this process's environment but what a program needs to be started at all. */
const plain = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', NO_COLOR: '1' }
const tool = (name: string) => join(root, 'node_modules/.bin', name)
const wellDone = { code: 0, said: expect.any(String) }

test('one folder, one line in the list of providers, one row of the laws', async () => {
  const after = await contents()
  const touched = [...after].filter(([path, text]) => before.get(path) !== text).map(([path]) => path)
  expect(touched.filter((path) => !path.startsWith('src/providers/parrot/')).sort()).toEqual([
    'src/providers/index.ts',
    'test/laws/parrot.ts',
    'test/laws/subjects.ts',
  ])
  expect(touched.length).toBe(blocks.length)
  expect([...before.keys()].filter((path) => !after.has(path))).toEqual([])
  const lines = (text = '') => text.split('\n')
  const added = lines(after.get('src/providers/index.ts')).filter(
    (line) => !lines(before.get('src/providers/index.ts')).includes(line),
  )
  expect(added).toEqual([expect.stringMatching(/^import .*parrot/), expect.stringMatching(/, parrot\]$/)])
})

describe('what was written', () => {
  test('has the right types', async () => {
    expect(await run(process.execPath, tool('tsc'))).toEqual(wellDone)
  })

  test('is formatted and linted', async () => {
    expect(await run(process.execPath, tool('biome'), 'check', '--vcs-enabled=false', ...codePaths())).toEqual(wellDone)
  })

  test('passes its own test, and those of the house', async () => {
    const { code, said } = await run(process.execPath, 'test', 'src/providers/parrot', 'test/architecture.test.ts')
    expect({ code, said }).toEqual(wellDone)
    expect(said).toMatch(/\b[1-9]\d* pass\n\s*0 fail/)
  })

  test('obeys the laws', async () => {
    const { code, said } = await run(process.execPath, 'test', 'test/laws', '-t', '^parrot ')
    expect({ code, said }).toEqual(wellDone)
    expect(Number(/(\d+) pass\n/.exec(said)?.[1])).toBeGreaterThan(30)
  })
})

function codePaths(): string[] {
  return blocks.map(({ path }) => path).filter((path) => path.endsWith('.ts'))
}

describe('the gateway from that source, with the official SDK', () => {
  const token = 'token-of-the-guide'
  let emulator: { readonly origin: string; readonly chats: readonly unknown[]; close(): Promise<void> } | undefined
  let server: Bun.Subprocess<'ignore', 'pipe', 'inherit'> | undefined
  let client = new OpenAI({ apiKey: 'unset' })

  beforeAll(async () => {
    const { emulateParrot } = await import(join(folder, 'src/providers/parrot/emulator.ts'))
    const running: NonNullable<typeof emulator> = await emulateParrot({ tokens: [token] })
    emulator = running
    server = Bun.spawn([process.execPath, 'src/main.ts'], {
      cwd: folder,
      env: { ...plain, HOST: '127.0.0.1', PORT: '0', PARROT_TOKEN: token, PARROT_BASE_URL: running.origin },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'inherit',
    })
    const url = await within(addressIn(server.stdout), 10_000, 'the address')
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

  test('tools are refused before it is asked', async () => {
    const asked = emulator?.chats.length
    const tools = [{ type: 'function' as const, function: { name: 'fly' } }]
    const refusal: unknown = await client.chat.completions
      .create({ model: 'parrot/grey', messages, tools })
      .catch((thrown: unknown) => thrown)
    expect(refusal).toMatchObject({ status: 400, code: 'unsupported_parameter', param: 'tools' })
    expect(emulator?.chats.length).toBe(asked ?? -1)
  })
})

/** The address the gateway says it listens at. Its output is read to the end, or its log would have nowhere to go. */
function addressIn(output: ReadableStream<Uint8Array>): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const read = async () => {
    let text = ''
    for await (const bytes of output) {
      text += new TextDecoder().decode(bytes)
      const address = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0]
      if (address) resolve(address)
    }
    throw new Error(`the gateway has ended: ${text}`)
  }
  read().catch(reject)
  return promise
}
