// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the tests read such placeholders

import { afterAll, expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { redact, Secret } from '../chat/secret.ts'
import { Environment } from './environment.ts'
import { readTools } from './read-tools.ts'

const folder = mkdtempSync(join(tmpdir(), 'tributary-tools-'))
afterAll(() => rmSync(folder, { recursive: true }))

function read(variables: Readonly<Record<string, string>>, inherited = {}) {
  const environment = new Environment(variables)
  return { ...readTools(environment, inherited), problems: environment.problems }
}

const servers = (mcpServers: unknown, inherited = {}) =>
  read({ MCP_SERVERS: JSON.stringify({ mcpServers }) }, inherited)

const reveal = (value: unknown) => (value instanceof Secret ? value.reveal() : value)
const revealAll = (values: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, reveal(value)]))

/** The configuration of a server with its secrets revealed. */
function plain(config: ReturnType<typeof read>['servers'][number] | undefined): object | undefined {
  if (config?.transport === 'stdio')
    return { ...config, args: config.args.map(reveal), environment: revealAll(config.environment) }
  return config && { ...config, url: config.url.reveal(), headers: revealAll(config.headers) }
}

test('without settings there are no servers', () => {
  expect(read({})).toEqual({ servers: [], problems: [] })
})

test('a command gets its arguments and variables, and only PATH and HOME of the gateway’s environment', () => {
  const files = {
    command: 'npx',
    args: ['-y', 'server', 7],
    env: { TOKEN: 'token-of-files', DEBUG: true },
    cwd: '/data',
  }
  const { servers: found, problems } = servers({ files, bare: { command: 'x' } }, { PATH: '/bin', HOME: '/srv/a' })
  expect(problems).toEqual([])
  expect(found.map(plain)).toEqual([
    {
      name: 'files',
      transport: 'stdio',
      command: 'npx',
      args: ['-y', 'server', '7'],
      environment: { PATH: '/bin', HOME: '/srv/a', TOKEN: 'token-of-files', DEBUG: 'true' },
      folder: '/data',
    },
    { name: 'bare', transport: 'stdio', command: 'x', args: [], environment: { PATH: '/bin', HOME: '/srv/a' } },
  ])
  expect(plain(servers({ a: { command: 'x', env: { PATH: '/own' } } }, { PATH: '/bin' }).servers[0])).toMatchObject({
    environment: { PATH: '/own' },
  })
})

test('a server with a URL uses streamable HTTP, unless its type is SSE, or its path ends in /sse', () => {
  const { servers: found, problems } = servers({
    a: { url: 'https://a.example/mcp?key=k', headers: { Authorization: 'Bearer token-of-a' } },
    b: { url: 'http://127.0.0.1:1/sse' },
    c: { url: 'http://127.0.0.1:1/sse', type: 'http' },
    d: { url: 'http://127.0.0.1:1/events', type: 'sse' },
    e: { url: 'https://e.example', type: 'streamable-http' },
    off: { url: 'nonsense', disabled: true },
  })
  expect(problems).toEqual([])
  expect(found.map(({ name, transport }) => `${name} ${transport}`)).toEqual([
    'a http',
    'b sse',
    'c http',
    'd sse',
    'e http',
  ])
  expect(plain(found[0])).toMatchObject({
    url: 'https://a.example/mcp?key=k',
    headers: { Authorization: 'Bearer token-of-a' },
  })
})

test('a disabled server is ignored', () => {
  const { servers: found, problems } = servers({
    a: { command: '${NOT_SET}', enabled: false },
    b: { url: 'nonsense', disabled: true },
    c: { command: 'x', enabled: 'false' },
    d: { command: 'x', enabled: true, disabled: true },
    on: { command: 'x', enabled: true, disabled: false },
    too: { command: 'x', enabled: null, disabled: null },
  })
  expect([found.map(({ name }) => name), problems]).toEqual([['on', 'too'], []])
})

const variables = {
  FILES_TOKEN: 'read-tools-substituted-token',
  FILES_DIR: '/srv/read-tools/files',
  FILES_HOST: 'files.example',
  EMPTY: '',
}
const withVariables = (mcpServers: unknown) => read({ MCP_SERVERS: JSON.stringify({ mcpServers }), ...variables })

test('variables are filled in everywhere in a server’s entry', () => {
  const { servers: found, problems } = withVariables({
    std: {
      command: '${env:FILES_DIR}/bin',
      args: ['--token=${FILES_TOKEN}', '${FILES_DIR}', '${PORT_OF_IT:-80}', '$${FILES_DIR}', '${x%y}', '$HOME'],
      env: { A: '${FILES_TOKEN}', B: '${env:FILES_DIR}/b', C: '${EMPTY:-c}', D: '${NONE:-}' },
      cwd: '${FILES_DIR}',
    },
    web: {
      url: 'https://${FILES_HOST}/mcp?key=${FILES_TOKEN}',
      headers: { Authorization: 'Bearer ${env:FILES_TOKEN}', 'x-a': '${NONE:-none}' },
    },
  })
  expect(problems).toEqual([])
  expect(found.map(plain)).toEqual([
    {
      name: 'std',
      transport: 'stdio',
      command: '/srv/read-tools/files/bin',
      args: [`--token=${variables.FILES_TOKEN}`, variables.FILES_DIR, '80', '${FILES_DIR}', '${x%y}', '$HOME'],
      environment: { A: variables.FILES_TOKEN, B: '/srv/read-tools/files/b', C: 'c', D: '' },
      folder: variables.FILES_DIR,
    },
    {
      name: 'web',
      transport: 'http',
      url: `https://files.example/mcp?key=${variables.FILES_TOKEN}`,
      headers: { Authorization: `Bearer ${variables.FILES_TOKEN}`, 'x-a': 'none' },
    },
  ])
  expect(inspect(found, { depth: 9 })).not.toContain(variables.FILES_TOKEN)
  expect(redact(`${variables.FILES_TOKEN} in ${variables.FILES_DIR}`)).toBe(`[secret] in ${variables.FILES_DIR}`)
})

test('an unset variable causes a problem that names the variable, the server and the place', () => {
  const wrong: readonly (readonly [entry: object, place: string, names: string])[] = [
    [{ command: '${NONE}' }, 'a.command', 'NONE'],
    [{ command: 'x', args: ['y', '--token=${env:NONE}'] }, 'a.args.1', 'NONE'],
    [{ command: 'x', env: { KEY: '${EMPTY}' } }, 'a.env.KEY', 'EMPTY'],
    [{ command: 'x', cwd: '${NONE}/x' }, 'a.cwd', 'NONE'],
    [{ url: 'https://${NONE}/mcp' }, 'a.url', 'NONE'],
    [{ url: 'https://a.example', headers: { 'x-a': '${FILES_TOKEN} ${NONE}' } }, 'a.headers.x-a', 'NONE'],
    [{ command: 'x', env: { KEY: '${input:api-key}' } }, 'a.env.KEY', 'input'],
  ]
  for (const [entry, place, name] of wrong) {
    const { servers: found, problems } = withVariables({ a: entry, b: { command: 'x' } })
    expect(found.map((server) => server.name)).toEqual(['b'])
    expect(problems).toHaveLength(1)
    expect(problems[0]?.problem).toContain(`"${place}"`)
    expect(`${problems[0]?.problem} ${problems[0]?.remedy}`).toContain(name)
    expect(JSON.stringify(problems)).not.toContain(variables.FILES_TOKEN)
  }
  const { problems } = read({
    MCP_SERVERS: '{"mcpServers": {"a": {"url": "https://a.example", "headers": {"x-a": "${LINES}"}}}}',
    LINES: 'two\nlines',
  })
  expect(problems.map(({ problem }) => problem)).toEqual([
    'has something at "a.headers.x-a" that does not fit into a header',
  ])
})

test('MCP_SERVERS may name a file that other users cannot write', () => {
  const path = join(folder, 'servers.json')
  writeFileSync(path, JSON.stringify({ mcpServers: { a: { command: 'x' } } }))
  for (const [mode, isFine] of [
    [0o600, true],
    [0o644, true],
    [0o664, false],
    [0o646, false],
  ] as const) {
    chmodSync(path, mode)
    const { servers: found, problems } = read({ MCP_SERVERS: path })
    expect([found.length, problems.length]).toEqual(isFine ? [1, 0] : [0, 1])
  }
  expect(read({ MCP_SERVERS: join(folder, 'none.json') }).problems).toHaveLength(1)
})

test('an invalid entry is a problem that names the place, without a value', () => {
  const value = 'read-tools-hidden-value'
  const wrong: readonly (readonly [unknown, string])[] = [
    [{ a: {} }, '"a"'],
    [{ a: value }, '"a"'],
    [{ a: { command: value, url: 'https://a.example' } }, '"a"'],
    [{ a: { command: value, args: value } }, '"a.args"'],
    [{ a: { command: 'x', env: { KEY: { value } } } }, '"a.env.KEY"'],
    [{ a: { command: 'x', type: 'http' } }, '"a"'],
    [{ a: { url: `ftp://${value}` } }, '"a"'],
    [{ a: { url: `https://user:${value}@a.example` } }, '"a"'],
    [{ a: { url: 'https://a.example', headers: { 'x-a': `${value}\r\nx-b: 1` } } }, '"a.headers.x-a"'],
    [{ a: { url: 'https://a.example', headers: { authorization: 'Bearer …' } } }, '"a.headers.authorization"'],
    [{ a: { url: 'https://a.example', headers: { 'content-length': '1' } } }, '"a.headers.content-length"'],
    [{ a: { url: 'https://a.example', type: 'websocket' } }, '"a.type"'],
    [{ builtin: { command: value } }, 'name'],
    [{ 'a\nb': { command: value } }, 'name'],
  ]
  for (const [mcpServers, place] of wrong) {
    const { problems, servers: found } = servers(mcpServers)
    expect(found).toEqual([])
    expect(problems.map(({ variable }) => variable)).toEqual(['MCP_SERVERS'])
    expect(problems[0]?.problem).toContain(place)
    expect(JSON.stringify(problems)).not.toContain(value)
  }
  for (const text of ['{', '{}', '{"mcpServers": []}', '{"mcpServers": 7}', `{"${value}`]) {
    const { problems } = read({ MCP_SERVERS: text })
    expect(problems).toHaveLength(1)
    expect(JSON.stringify(problems)).not.toContain(value)
  }
})

test('one invalid server hides neither other problems nor valid servers', () => {
  const { servers: found, problems } = servers({ a: {}, b: { command: 'x' }, c: { url: 'nonsense' } })
  expect([found.map(({ name }) => name), problems.length]).toEqual([['b'], 2])
})

test('printing the configuration shows no secret', () => {
  const marks = ['read-tools-env-mark', 'read-tools-header-mark', 'read-tools-query-mark'] as const
  const { servers: found } = servers({
    a: { command: 'x', env: { A_TOKEN: marks[0] } },
    b: { url: `https://b.example/?key=${marks[2]}`, headers: { authorization: `Bearer ${marks[1]}` } },
  })
  const shown = `${inspect(found, { depth: 9 })} ${JSON.stringify(found)}`
  for (const mark of marks) expect(shown).not.toContain(mark)
})

test('an ordinary value of a server’s variable stays readable in its output', () => {
  const ordinary = {
    ROOT_FOLDER: '/srv/tool-variables/myDocuments',
    NODE_ENV: 'staging-of-tool-variables',
    HOST_OF_IT: 'https://tool-variables.example:8443/api/v2',
    PYTHONIOENCODING: 'utf-8',
    RELEASE: '20260728',
  }
  const secret = {
    IT_TOKEN: 'ordinary-word-of-a-token',
    DATABASE_URL: 'postgres://tool-variables-user:hunter@localhost/x',
    HOOK: 'https://tool-variables.example/hooks/T024BE7LD/wOrDs8aXc2',
    ID_OF_IT: '5f1c9e0a77b34c6d',
    NAME_OF_IT: 'qTzWvBnKdRfXyLmP',
    CALLBACK: 'https://tool-variables.example/in?code=words-in-a-query',
  }
  servers({ a: { command: 'x', env: { ...ordinary, ...secret } } })
  for (const value of Object.values(ordinary)) expect(redact(`It is ${value}.`)).toBe(`It is ${value}.`)
  for (const value of Object.values(secret)) expect(redact(`It is ${value}.`)).toBe('It is [secret].')
})

test('Exa’s server exists if its key or its address is set', () => {
  const exa = (variables: Readonly<Record<string, string>>) => read(variables).servers.map(plain)
  const server = { name: 'exa', transport: 'http' }
  const key = 'key-of-exa-mark'
  const url = 'https://mcp.exa.ai/mcp'
  expect(exa({ EXA_API_KEY: key })).toEqual([{ ...server, url, headers: { 'x-api-key': key } }])
  expect(exa({ EXA_API_KEY: key, EXA_MCP_URL: `${url}?tools=a` })).toEqual([
    { ...server, url: `${url}?tools=a`, headers: { 'x-api-key': key } },
  ])
  expect(exa({ EXA_API_KEY: key, EXA_MCP_URL: `${url}?profile=p&api_key=` })).toEqual([
    { ...server, url: `${url}?profile=p&api_key=${key}`, headers: {} },
  ])
  expect(exa({ EXA_MCP_URL: 'http://127.0.0.1:1/mcp' })).toEqual([
    { ...server, url: 'http://127.0.0.1:1/mcp', headers: {} },
  ])
  expect(read({ EXA_MCP_URL: 'mcp.exa.ai' }).problems.map(({ variable }) => variable)).toEqual(['EXA_MCP_URL'])
  const twice = read({ EXA_API_KEY: key, MCP_SERVERS: '{"mcpServers": {"exa": {"command": "x"}}}' })
  expect(twice.problems.map(({ variable }) => variable)).toEqual(['MCP_SERVERS'])
})
