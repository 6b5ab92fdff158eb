import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import packageJson from '../package.json'
import { type Config, readConfig } from '../src/config/config.ts'
import { parseRoutes } from '../src/gateway/routes/parse-routes.ts'
import { writeRoute } from '../src/gateway/routes/write-route.ts'
import { providers } from '../src/providers/index.ts'
import { addressIn } from './guide.ts'

const root = join(import.meta.dir, '..')
const readme = await Bun.file(join(root, 'README.md')).text()
const settings = await Bun.file(join(root, 'docs/settings.md')).text()
const envExample = await Bun.file(join(root, '.env.example')).text()

/** Returns the README's code blocks of one language, in order. */
function blocks(language: string): string[] {
  return [...readme.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
    .filter(([, name]) => name === language)
    .map(([, , text]) => text ?? '')
}

/** Returns the rows of all tables whose first column is `title`, as cells. */
function table(title: string, text = readme): string[][] {
  const [, ...tables] = text.split(new RegExp(`^(?=\\| ${title} \\|)`, 'm'))
  return tables.flatMap((lines) => {
    const [, , ...rows] = lines.split('\n')
    const end = rows.findIndex((row) => !row.startsWith('|'))
    return rows.slice(0, end).map(cells)
  })
}

function cells(row: string): string[] {
  return row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
}

function quoted(cell = ''): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text ?? '')
}

/** Returns the names of all settings that the configuration reads. */
function namesRead(): Set<string> {
  const names = new Set<string>()
  const asked = (set: Record<string, string>) =>
    new Proxy(set, {
      get(target, name) {
        if (typeof name === 'string') names.add(name.replace('UPSTREAM_EXAMPLE_', 'UPSTREAM_<NAME>_'))
        return Reflect.get(target, name)
      },
    })
  readConfig(asked({}), false)
  readConfig(asked({ UPSTREAM_EXAMPLE_URL: 'http://127.0.0.1/v1' }), false)
  // variables of every process, which the processes of tools get too
  for (const name of ['PATH', 'HOME']) names.delete(name)
  // `http_proxy` is another spelling of `HTTP_PROXY`
  return new Set([...names].filter((name) => !names.has(name.toUpperCase()) || name === name.toUpperCase()))
}

async function sourceNames(): Promise<string[]> {
  const fetchLimit = await Bun.file(join(root, 'src/bun-settings.ts')).text()
  const limits = [...fetchLimit.matchAll(/'([A-Z][A-Z0-9_]{4,})'/g)].map(([, name]) => name ?? '')
  return [...new Set([...namesRead(), ...limits])].sort()
}

/** Whether a kind of upstream has a folder of its own. */
const hasFolder = (cell = '') => providers.some(({ name }) => quoted(cell)[0] === name)

const credentialEndings = ['_API_KEY', '_TOKEN']
const isCredential = (ending: string) => credentialEndings.includes(ending)

/** Returns the variables of docs/settings.md, with `<UPSTREAM>` replaced by each upstream of the README. */
function documentedNames(): string[] {
  const credentials = table('upstream').flatMap((row) => quoted(row[1]))
  const prefixed = (ending: string) =>
    credentials.flatMap((name) => (name.endsWith(ending) ? [name.slice(0, -ending.length)] : []))
  return table('variable', settings)
    .flatMap((row) => quoted(row[0]))
    .flatMap((name) => {
      const [, ending] = /^<UPSTREAM>(_\w+)$/.exec(name) ?? []
      if (!ending) return [name]
      const prefixes = isCredential(ending) ? prefixed(ending) : credentialEndings.flatMap(prefixed)
      return prefixes.map((prefix) => prefix + ending)
    })
    .sort()
}

/** `.env.example` without the `#` of its lines. */
function exampleVariables(): Record<string, string> {
  const lines = envExample.split('\n').flatMap((line) => /^# ([A-Za-z][A-Z0-9_]+=.*)$/.exec(line)?.[1] ?? [])
  return Object.fromEntries(Object.entries(parseEnv(lines.join('\n'))).map(([name, value]) => [name, value ?? '']))
}

describe('the variables of docs/settings.md and of .env.example', () => {
  test('are exactly the variables that the source reads', async () => {
    const read = await sourceNames()
    expect(documentedNames()).toEqual(read)
    expect(
      Object.keys(exampleVariables())
        .map((name) => name.replace('_MY_LAB_', '_<NAME>_'))
        .sort(),
    ).toEqual(read)
  })

  test('have the documented defaults', () => {
    const config: Config | { readonly problems: unknown } = readConfig(exampleVariables(), false)
    // they differ only in their source, and in the name of an upstream that stands for all
    const unsourced = { settings: [], fingerprints: new Map(), upstreamVariables: new Set(), withKept: undefined }
    expect({ ...config, ...unsourced }).toEqual({ ...readConfig({}, false), ...unsourced })
    expect('problems' in config).toBe(false)
    const example = exampleVariables()
    for (const [names, written = ''] of table('variable', settings)) {
      const [name = ''] = quoted(names)
      if (/^`[^`]+`$/.test(written) && example[name])
        expect(`${name}=${example[name]}`).toBe(`${name}=${quoted(written)[0]}`)
    }
  })

  test('contain the settings in the README', () => {
    const [some, all] = [readme, settings].map((text) =>
      table('variable', text).map(([names, written]) => `${names} ${written}`),
    )
    expect(some?.length).toBeGreaterThan(5)
    expect(all).toEqual(expect.arrayContaining(some ?? []))
  })

  test('name every upstream with its address', async () => {
    const rows = table('upstream').filter(([name, on]) => on?.endsWith('_API_KEY`') && !hasFolder(name))
    const presets = await Bun.file(join(root, 'src/providers/openai-compatible/presets.ts')).text()
    const listed = [...presets.matchAll(/name: '(.+?)', url: '(.+?)', prefix: '(.+?)'/g)]
    expect(rows).toEqual(listed.map(([, name, url, prefix]) => [`\`${name}\``, `\`${prefix}_API_KEY\``, `\`${url}\``]))
    for (const [, , url, prefix] of listed) expect(envExample).toContain(`# ${url}\n# ${prefix}_API_KEY=\n`)
  })

  test('name every upstream that has its own folder with its address', async () => {
    const rows = table('upstream').filter(([name, on]) => hasFolder(name) && /_(TOKEN|API_KEY)`$/.test(on ?? ''))
    expect(rows.length).toBeGreaterThan(3)
    for (const [name, variable, url] of rows.map((row) => row.map((cell) => quoted(cell)[0]))) {
      const source = await Bun.file(join(root, `src/providers/${name}/index.ts`)).text()
      expect(source).toContain(`'${url}'`)
      expect(envExample).toContain(`# ${url}\n# ${variable}=\n`)
    }
  })
})

describe('ROUTES', () => {
  const set = { OPENAI_API_KEY: 'a-key', MISTRAL_TOKEN: 'a-token' }
  const [, written = ''] = /^`(\w+ = .+?)`/m.exec(readme) ?? []

  test('in the README and .env.example makes a panel', () => {
    expect(envExample).toContain(`# For example ${written};`)
    expect(readConfig({ ...set, ROUTES: written }, false)).toMatchObject({
      routes: [{ name: 'rawbot-omnibus' }, { name: 'panel', tree: { kind: 'panel', members: [{}, {}] } }],
    })
  })

  test('in docs/routes.md are understood, and their precedence is as it is said there', async () => {
    const page = await Bun.file(join(root, 'docs/routes.md')).text()
    const [, shown = ''] = /```sh\nROUTES="\n([^"]+)"/.exec(page) ?? []
    const [, loose = '', strict = ''] = /: `(.+)` is `(.+)`\.$/m.exec(page) ?? []
    expect(readConfig({ ...set, GROQ_API_KEY: 'b-key', ROUTES: shown }, false)).not.toHaveProperty('problems')
    const [both] = [loose, strict].map((text) => parseRoutes(`x = ${text}`).definitions[0])
    expect(both && writeRoute(both.tree)).toBe(loose)
    expect(parseRoutes(`x = ${strict}`).definitions.map(({ tree }) => writeRoute(tree))).toEqual([loose])
  })
})

test('docs/commands.md has the commands of the command line', async () => {
  const source = await Bun.file(join(root, 'src/commands/run-command.ts')).text()
  const help = [...source.matchAll(/^ {2}([a-z]+) {2,}[a-z"]/gm)].map(([, name]) => name)
  expect(help.length).toBeGreaterThan(5)
  const commands = await Bun.file(join(root, 'docs/commands.md')).text()
  expect(table('command', commands).map((row) => quoted(row[0])[0])).toEqual(help)
})

test('the two commands are scripts, and use the pinned version of Bun', () => {
  const [withNode = '', withBun = ''] = blocks('sh')
  expect(withBun).toBe('bun run start\nbun run test\n')
  expect(withNode).toBe(withBun.replaceAll(/^bun/gm, `npx -y ${packageJson.packageManager}`))
  expect(packageJson.scripts).toMatchObject({ start: expect.any(String), test: expect.any(String) })
})

describe('from a fresh clone', () => {
  let folder = ''
  let server: Bun.Subprocess<'ignore', 'pipe', 'inherit'> | undefined
  let url = ''

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tributary-readme-'))
    for (const name of ['package.json', 'bun.lock', 'bunfig.toml', 'tsconfig.json', 'src'])
      await cp(join(root, name), join(folder, name), { recursive: true })
    const set = new Set(await sourceNames())
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !set.has(name.toUpperCase())))
    server = Bun.spawn([process.execPath, 'run', 'start'], {
      cwd: folder,
      env: { ...env, PORT: '0' },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'inherit',
    })
    url = await addressIn(server.stdout)
  })

  afterAll(async () => {
    server?.kill('SIGTERM')
    expect(await server?.exited).toBe(0)
    await rm(folder, { recursive: true })
  })

  const here = (text: string) => text.replaceAll('http://127.0.0.1:8000', url)

  test('the start command serves, and curl gets the documented answer', async () => {
    const answer = await run(['bash', '-c', here(blocks('sh')[2] ?? '')])
    const printed = JSON.parse(blocks('json')[0] ?? '')
    const answered = JSON.parse(answer)
    expect(answered).toEqual({ ...printed, id: answered.id, created: answered.created })
    expect(Object.keys(answered)).toEqual(Object.keys(printed))
    expect(answered.id).toMatch(/^chatcmpl-/)
  })

  test('the demo serves a model of every upstream', async () => {
    const [program = '', ...words] = (blocks('sh')[3] ?? '').trim().split(' ')
    expect([program, words.at(-1)]).toEqual(['bun', 'demo'])
    const demo = Bun.spawn([process.execPath, ...words], {
      cwd: folder,
      env: { ...process.env, PORT: '0' },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'ignore',
    })
    const response = await fetch(`${await addressIn(demo.stdout)}/v1/models`)
    expect(await response.text()).toContain('"smithery/claude-haiku-4.5"')
    demo.kill('SIGINT')
    expect(await demo.exited).toBe(0)
  })

  test('the chat server streams its events to the end', async () => {
    const events = await run(['bash', '-c', here(blocks('sh').find((text) => text.includes('/api/chat/stream')) ?? '')])
    expect(events).toStartWith('data: {"type":"chunk"')
    expect(events).toContain('data: {"type":"complete"')
    expect(events).toEndWith('data: {"type":"done"}\n\n')
  })

  test('the SDK example streams the answer', async () => {
    expect(await run([process.execPath, '-e', here(blocks('ts')[0] ?? '')])).toEndWith('You said: Hello!')
  })
})

async function run(command: string[]): Promise<string> {
  const child = Bun.spawn(command, { cwd: root, stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' })
  const output = await new Response(child.stdout).text()
  expect(await child.exited).toBe(0)
  return output
}
