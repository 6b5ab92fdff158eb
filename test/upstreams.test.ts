/** docs/upstreams.md matches the code of every upstream. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Support } from '../src/chat/model.ts'
import type { Parameter } from '../src/chat/request.ts'
import { Environment } from '../src/config/environment.ts'
import { names } from '../src/dialects/openai-chat/decode-parameters.ts'
import { providers } from '../src/providers/index.ts'
import { differences } from '../src/providers/openai-compatible/differences.ts'
import { presets } from '../src/providers/openai-compatible/presets.ts'
import type { Emulated, Provider, Upstream } from '../src/providers/provider.ts'

const root = join(import.meta.dir, '..')
const page = await Bun.file(join(root, 'docs/upstreams.md')).text()

/** Returns the rows of the table whose first column is `title`, its head first, as cells. */
function table(title: string): readonly (readonly string[])[] {
  const [, text = ''] = page.split(new RegExp(`^(?=\\| ${title} \\|)`, 'm'))
  const lines = text.split('\n')
  const rows = lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith('|')),
  )
  return rows
    .filter((_, at) => at !== 1)
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

function quoted(cell = ''): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text ?? '')
}

/** Returns the names of all settings that a provider reads, in the form of the page. */
function namesRead(provider: Provider): string[] {
  const names = new Set<string>()
  const values = new Proxy<Record<string, string>>(
    { UPSTREAM_EXAMPLE_URL: 'http://127.0.0.1/v1' },
    {
      get(target, name) {
        if (typeof name === 'string') names.add(asWritten(name))
        return Reflect.get(target, name)
      },
    },
  )
  const environment = new Environment(values)
  // the provider looks at each name to see which ones are set
  names.clear()
  provider.configure(environment)
  names.delete('UPSTREAM_USER_AGENT')
  return [...names].toSorted()
}

function asWritten(name: string): string {
  const preset = presets.find(({ prefix }) => name.startsWith(`${prefix}_`))
  const written = preset ? name.replace(preset.prefix, '<UPSTREAM>') : name
  return written.replace('UPSTREAM_EXAMPLE_', 'UPSTREAM_<NAME>_')
}

const running: Emulated[] = []
const upstreams = new Map<string, Upstream>()
beforeAll(async () => {
  for (const provider of providers) {
    const emulated = await provider.emulate()
    running.push(emulated)
    for (const upstream of provider.configure(new Environment(emulated.variables)))
      upstreams.set(upstream.name, upstream)
  }
})
afterAll(() => Promise.all(running.map((emulated) => emulated.close())))

describe('docs/upstreams.md', () => {
  const rows = table('upstream').slice(1)
  const variableRows = table('upstream \\| variables').slice(1)
  const kinds = providers.filter(({ name }) => name !== 'openai-compatible').map(({ name }) => name)

  test('has a chapter and a place in every table for each kind of upstream', () => {
    const chapters = [...page.matchAll(/^## (.+)$/gm)].map(([, title]) => title?.toLowerCase())
    for (const name of kinds) {
      expect(chapters).toContain(name)
      expect(rows.flatMap(([first]) => quoted(first))).toContain(name)
      expect(variableRows.flatMap(([first]) => quoted(first))).toContain(name)
    }
    expect(quoted(table('parameter')[0]?.join('|')).toSorted()).toEqual(['openai', ...kinds].toSorted())
    for (const { name } of presets) expect(page).toContain(`\`${name}\``)
  })

  test('explains in five steps how to get a credential', () => {
    const chapters = page.split(/^## /m).filter((chapter) => /^1\. /m.test(chapter))
    expect(chapters).toHaveLength(providers.length)
    for (const chapter of chapters)
      expect([...chapter.matchAll(/^(\d)\. /gm)].map(([, number]) => number)).toEqual(['1', '2', '3', '4', '5'])
  })

  for (const provider of providers)
    test(`names exactly the variables of ${provider.name}`, () => {
      const isCompatible = provider.name === 'openai-compatible'
      const own = variableRows.filter(([first]) => !quoted(first).some((name) => kinds.includes(name)))
      const written = isCompatible ? own : variableRows.filter(([first]) => first === `\`${provider.name}\``)
      expect(written.flatMap(([, names]) => quoted(names)).toSorted()).toEqual(namesRead(provider))
    })
})

/** OpenAI's fields in our vocabulary. */
function parameterOf(field: string): string {
  const renamed: Readonly<Record<string, string>> = { max_tokens: 'maxTokens', n: 'choices' }
  return renamed[field] ?? field.replace(/_[a-z]/g, (letter) => (letter[1] ?? '').toUpperCase())
}

const otherRows: Readonly<Record<string, (support: Support) => string>> = {
  '`response_format`, JSON': (support) => formatOf(support, 'json'),
  '`response_format`, JSON schema': (support) => formatOf(support, 'json-schema'),
  pictures: ({ parts }) => ((parts?.includes('image') ?? true) ? 'taken' : 'refused'),
  files: ({ parts }) => ((parts?.includes('file') ?? true) ? 'taken' : 'refused'),
  audio: ({ parts }) => ((parts?.includes('audio') ?? true) ? 'taken' : 'refused'),
  'fields of its own': ({ extraFields, extraOf }) =>
    extraOf
      ? extraOf === 'openai-chat'
        ? 'all'
        : 'all of its dialect'
      : (extraFields?.names.map((field) => `\`${field}\``).join(', ') ?? 'none'),
}

function formatOf({ parameters, formats }: Support, format: 'json' | 'json-schema'): string {
  return (formats?.includes(format) ?? true) ? (parameters.responseFormat ?? 'refused') : 'refused'
}

function treatment({ parameters }: Support, field: string): string {
  const taken = Object.entries(parameters).find(([key]) => key === parameterOf(field))?.[1]
  return taken ?? (field === 'tools' ? 'refused' : 'dropped')
}

/** Every parameter of the vocabulary. The compiler checks that none is missing. */
const all: Readonly<Record<Exclude<Parameter, 'responseFormat'>, true>> = {
  tools: true,
  toolChoice: true,
  parallelToolCalls: true,
  temperature: true,
  topP: true,
  maxTokens: true,
  stop: true,
  seed: true,
  frequencyPenalty: true,
  presencePenalty: true,
  choices: true,
  logprobs: true,
  topLogprobs: true,
  reasoningEffort: true,
  user: true,
  metadata: true,
  serviceTier: true,
}

describe('the table of parameters', () => {
  const [head = [], ...rows] = table('parameter')
  const fields = rows.flatMap(([first = '']) => (otherRows[first] ? [] : quoted(first)))

  test('has every parameter', () => {
    expect(fields.map(parameterOf).toSorted()).toEqual(Object.keys(all).toSorted())
    expect(rows.length).toBe(fields.length + Object.keys(otherRows).length)
  })

  for (const [first = '', ...cells] of rows)
    test(`says how ${first} is treated`, () => {
      const becomes = (support: Support) => otherRows[first]?.(support) ?? treatment(support, quoted(first)[0] ?? '')
      const names = head.slice(1).map((name) => quoted(name)[0] ?? '')
      const meant = names.map((name) => {
        const support = upstreams.get(name)?.support
        return support && becomes(support)
      })
      expect<readonly (string | undefined)[]>(cells).toEqual(meant)
    })
})

test('the table of OpenAI-compatible services names the parameters that each drops', () => {
  const rows = table('service').slice(1)
  expect(rows.flatMap(([name]) => quoted(name))).toEqual(Object.keys(differences))
  for (const [name, drops] of rows) {
    const { lacks = [], lacksFields = [] } = differences[quoted(name)[0] ?? ''] ?? {}
    expect(quoted(drops)).toEqual([...lacks.map((parameter) => names[parameter]), ...lacksFields])
  }
})

describe('the numbers on the page', () => {
  const constants = [
    ['providers/cto', /maxBodyBytes = 32 \* 1024\nconst envelopeBytes = 256\n/, '24,384 bytes'],
    ['providers/cto', /aheadMs = 12_000\n/, 'renewed at least 12 s before'],
    ['providers/langfast', /maxSignUps = 30\n/, 'no more than 30 an hour'],
    ['providers/langfast', /'MIN_CREDENTIALS', \{ fallback: 5,/, '`MIN_CREDENTIALS` (5)'],
    ['providers/langfast', /'MAX_CREDENTIALS', \{ fallback: 10,/, '`MAX_CREDENTIALS` (10)'],
    ['sign-in', /aheadMs: 90_000,/, 'renewed at least 90 s before'],
    ['accounts', /\(15 \* minuteMs \* 2 \*\* \(failures - 1\), dayMs\)/, '15 minutes, then longer, up to a day'],
  ] as const
  for (const [room, constant, words] of constants)
    test(words, async () => {
      const paths = [...new Bun.Glob('*.ts').scanSync({ cwd: join(root, 'src', room), absolute: true })]
      const source = (await Promise.all(paths.map((path) => Bun.file(path).text()))).join('\n')
      // the source itself would be too long for a message
      expect(constant.test(source)).toBe(true)
      expect(page.replaceAll(/\s+/g, ' ')).toContain(words)
    })

  test('the number of known models', () => {
    expect(page).toContain('twelve are known')
    expect(upstreams.get('smithery')?.models).toHaveLength(12)
    expect(page).toContain('Seventeen models are known')
    expect(upstreams.get('langfast')?.models).toHaveLength(17)
    expect(upstreams.get('ai21')?.models?.map(({ id }) => id)).toEqual(['jamba-mini', 'jamba-large'])
  })
})
