/** No answer of the operator's routes has a secret: one canary of every kind is planted, and everything is read. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../../src/config/config.ts'
import { emulateHttp, type HttpEmulator } from '../../src/wire/emulator/http.ts'
import { until } from '../waiting.ts'
import { adminRoutes, pathsOf } from './admin-rig.ts'
import { startApp, type TestApp } from './rig.ts'
import { formsOf } from './secret-forms.ts'

/** Each begins with other characters, so that a part of one is found too. */
const canaries = {
  masterKey: '1a7c-canary-of-the-master-key',
  fileKey: '2b8d-canary-of-a-key-in-the-file',
  upstreamKey: '3c9e+canary/of"an-upstream-key',
  secondKey: '4daf-canary-of-a-second-key',
  userInfo: '5eb0-canary-of-a-user-in-an-address',
  query: '6fc1-canary-of-a-query-of-an-address',
  header: '70d2-canary-of-a-header',
  accessToken: '81e3-canary-of-an-access-token',
  refreshToken: '92f4-canary-of-a-refresh-token',
  anonKey: 'a305-canary-of-a-public-key',
  cookie: 'b416-canary.of-a.cookie-of-clerk',
  mcpEnvironment: 'c527-canary-of-the-environment-of-a-tool-server',
  mcpHeader: 'd638-canary-of-a-header-of-a-tool-server',
  mcpQuery: 'e749-canary-of-a-query-of-a-tool-server',
  exaKey: 'f85a-canary-of-the-key-of-exa',
  stateSecret: '096b-canary-of-the-secret-of-the-state',
  formerSecret: '1a7d-canary-of-the-former-secret',
  statePassword: '2b8e-canary-of-the-password-of-redis',
  pasted: '3caf-canary-of-a-pasted-credential',
  pastedAgain: '4db1-canary-of-a-replacement',
  prompt: '5ec2-canary-of-a-prompt',
} as const

/** An upstream that says the secrets that it was sent, whatever it is asked. */
let gossip: HttpEmulator
let app: TestApp
const folder = mkdtempSync(join(tmpdir(), 'admin-secrets-'))

beforeAll(async () => {
  gossip = await emulateHttp(({ request, reply }) => {
    const { headers, path, body } = request
    const heard = `You sent ${headers.get('authorization')}, ${headers.get('x-secret')}, ${headers.get('cookie')}, ${path} and ${body}`
    reply(401, JSON.stringify({ error: { message: heard, code: heard, type: heard } }), {
      'content-type': 'application/json',
      'x-heard': encodeURIComponent(heard),
    })
  })
  app = startApp(variablesOf(gossip.origin))
  await gossipAbout()
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await gossip.close()
  rmSync(folder, { recursive: true })
})

function variablesOf(origin: string): Record<string, string> {
  const keysFile = join(folder, 'keys.json')
  writeFileSync(keysFile, JSON.stringify({ keys: [{ name: 'team', key: canaries.fileKey, rpm: 5 }] }), { mode: 0o600 })
  const session = {
    access_token: canaries.accessToken,
    refresh_token: canaries.refreshToken,
    token_type: 'bearer',
    expires_at: 4e9,
    user: { id: 'user-1' },
  }
  return {
    API_MASTER_KEY: canaries.masterKey,
    API_KEYS_FILE: keysFile,
    OPENAI_API_KEY_1: canaries.upstreamKey,
    OPENAI_API_KEY_2: canaries.secondKey,
    OPENAI_BASE_URL: `${origin}/v1`,
    OPENAI_MODELS: 'gpt-test',
    OPENAI_HEADERS: `X-Secret: ${canaries.header}`,
    UPSTREAM_LAB_URL: `${origin}/v1?key=${canaries.query}`,
    UPSTREAM_LAB_MODELS: 'model',
    SMITHERY_COOKIE: JSON.stringify(session),
    SMITHERY_SUPABASE_ANON_KEY: canaries.anonKey,
    SMITHERY_SUPABASE_URL: origin,
    SMITHERY_BASE_URL: origin,
    CLERK_COOKIE: `__client=${canaries.cookie}`,
    CTO_API_URL: origin,
    CTO_WS_URL: origin.replace('http', 'ws'),
    CTO_CLERK_URL: origin,
    MCP_SERVERS: JSON.stringify({
      mcpServers: {
        talker: {
          command: 'sh',
          args: ['-c', 'echo "my key: $TOKEN" >&2; exit 1'],
          env: { TOKEN: canaries.mcpEnvironment },
        },
        missing: { command: '/none/such', env: { TOKEN: canaries.mcpEnvironment } },
        remote: { url: `${origin}/mcp?token=${canaries.mcpQuery}`, headers: { Authorization: canaries.mcpHeader } },
      },
    }),
    EXA_API_KEY: canaries.exaKey,
    EXA_MCP_URL: `${origin}/exa?exaApiKey=`,
    STATE_URL: `redis://user:${canaries.statePassword}@127.0.0.1:1/0`,
    STATE_SECRET: canaries.stateSecret,
    STATE_SECRET_PREVIOUS: canaries.formerSecret,
  }
}

/** Makes every upstream and every tool server say what it knows, and sends prompts. */
async function gossipAbout(): Promise<void> {
  const models = ['openai/gpt-test', 'lab/model', 'smithery/claude-haiku-4.5', 'cto/GPT5']
  for (const model of models)
    for (const key of [canaries.masterKey, canaries.fileKey])
      await ask('POST /v1/chat/completions', {
        key,
        body: { model, messages: [{ role: 'user', content: canaries.prompt }], user: canaries.prompt },
      })
  for (const upstream of ['openai', 'lab', 'smithery', 'cto']) await ask(`POST /admin/upstreams/${upstream}/test`)
  const servers = async () => await (await ask('GET /api/servers')).text()
  await until(async () => ((await servers()).match(/"failed"/g) ?? []).length >= 4, 30_000, 'the tool servers fail')
}

interface Asked {
  readonly key?: string
  readonly body?: unknown
}

function ask(line: string, { key = canaries.masterKey, body }: Asked = {}): Promise<Response> {
  const [method = '', path = ''] = line.split(' ')
  return fetch(app.url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', accept: 'application/json' },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
}

/** The whole answer, head included; of an endless stream of events its beginning. */
async function textOf(response: Response): Promise<string> {
  const head = `${response.status} ${JSON.stringify([...response.headers])}`
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return head + (await response.text())
  let text = ''
  for await (const bytes of response.body ?? []) {
    text += new TextDecoder().decode(bytes)
    if (text.includes('event: overview') && text.includes('event: request')) break
  }
  return head + text
}

function expectNoSecret(what: string, text: string): void {
  for (const [name, secret] of Object.entries(canaries))
    for (const form of formsOf(secret)) expect([what, name, text.includes(form)]).toEqual([what, name, false])
}

const names = {
  name: ['openai', 'lab', 'smithery', 'cto', 'team', 'talker', 'missing', 'remote', 'exa', canaries.fileKey],
  label: ['OPENAI_API_KEY_1', 'UPSTREAM_LAB_URL', 'SMITHERY_COOKIE', 'CLERK_COOKIE', canaries.upstreamKey],
  variable: ['OPENAI_API_KEY_1', 'GROQ_API_KEY', 'CLERK_COOKIE', canaries.pasted],
}

async function requestIds(): Promise<string[]> {
  const { data }: { readonly data: readonly { readonly id: string }[] } = JSON.parse(
    await (await ask('GET /admin/requests')).text(),
  )
  return data.map(({ id }) => id)
}

test('the canaries are in use: the upstreams and tool servers have got them', () => {
  const sent = gossip.requests.map(({ headers, path, body }) => JSON.stringify([[...headers], path, body])).join('\n')
  for (const name of ['secondKey', 'query', 'header', 'cookie', 'mcpHeader', 'mcpQuery', 'exaKey', 'prompt'] as const)
    expect([name, sent.includes(canaries[name])]).toEqual([name, true])
})

test('a user in an address is refused, and is not repeated', () => {
  const addresses = ['UPSTREAM_LAB_URL', 'OPENAI_BASE_URL', 'SMITHERY_SUPABASE_URL', 'EXA_MCP_URL', 'OLLAMA_HOST']
  for (const name of addresses) {
    const config = readConfig({ [name]: `http://user:${canaries.userInfo}@127.0.0.1:1/v1` }, false)
    expect([name, 'problems' in config]).toEqual([name, true])
    expectNoSecret(name, JSON.stringify('problems' in config && config.problems))
  }
})

describe('no secret is in an answer to', () => {
  for (const route of adminRoutes.filter(({ method }) => method === 'GET'))
    test(`GET ${route.path}`, async () => {
      const paths = pathsOf(route, { ...names, id: await requestIds() })
      expect(paths.length).toBeGreaterThan(0)
      for (const path of paths) {
        const asking = ask(`GET ${path}`)
        // a stream of events tells of this request
        if (path === '/admin/events') await ask('POST /v1/chat/completions', { body: chatWithPrompt })
        expectNoSecret(path, await textOf(await asking))
      }
    })

  const chatWithPrompt = { model: 'openai/gpt-test', messages: [{ role: 'user', content: canaries.prompt }] }

  test('GET /admin/usage as CSV', async () => {
    for (const by of ['day', 'model', 'upstream', 'key'])
      expectNoSecret(by, await textOf(await ask(`GET /admin/usage?format=csv&by=${by}`)))
  })

  test('GET /v1/me, /v1/usage and /api/servers, for an admin and for a key with a name', async () => {
    for (const path of ['/v1/me', '/v1/usage', '/api/servers', '/openapi.json', '/health', '/ready'])
      for (const key of [canaries.masterKey, canaries.fileKey])
        expectNoSecret(path, await textOf(await ask(`GET ${path}`, { key })))
  })

  const bodies: readonly unknown[] = [
    {},
    [],
    'this is not JSON',
    { variables: { OPENAI_API_KEY_1: canaries.pasted } },
    { variables: { GROQ_API_KEY: canaries.pasted, GROQ_BASE_URL: 'http://127.0.0.1:1/v1' } },
    { variables: { CLERK_COOKIE_9: `__client=${canaries.pasted}` } },
    { variables: { SMITHERY_COOKIE_9: `{"access_token": "${canaries.pasted}"` } },
    { variables: { [canaries.pasted]: canaries.pasted } },
    { variables: { GROQ_API_KEY: `Bearer ${canaries.pasted}` } },
    { value: canaries.pastedAgain },
    { value: `two\n${canaries.pastedAgain}`, force: 'yes' },
    { name: canaries.pasted, key: canaries.pasted, hash: canaries.pastedAgain },
    { name: 'new', budget: canaries.pasted, expires: canaries.pastedAgain },
    { minutes: canaries.pasted },
    { arguments: { text: canaries.pasted } },
    `{"variables": {"GROQ_API_KEY": "${canaries.pasted}"`,
  ]
  for (const route of adminRoutes.filter(({ method }) => method !== 'GET'))
    test(`${route.method} ${route.path}, right or wrong`, async () => {
      for (const path of pathsOf(route, names))
        for (const body of bodies) {
          const line = `${route.method} ${path}`
          expectNoSecret(`${line} ${JSON.stringify(body)}`, withoutNewKey(await textOf(await ask(line, { body }))))
        }
    })

  /** A key that the gateway made is told once, to the admin who asked for it. */
  function withoutNewKey(text: string): string {
    return text.replace(/"key":"sk-[\w-]+"/, '')
  }

  test('any of them afterwards, and to a path or a method that there is not', async () => {
    for (const route of adminRoutes.filter(({ method }) => method === 'GET'))
      for (const path of pathsOf(route, { ...names, id: ['none'] }))
        if (path !== '/admin/events') expectNoSecret(path, await textOf(await ask(`GET ${path}`)))
    for (const line of [`GET /admin/${canaries.masterKey}`, `PUT /admin/keys/${canaries.fileKey}`, 'GET /admin'])
      expectNoSecret(line, await textOf(await ask(line)))
  })
})

test('no secret and no prompt is in the log, but for prompts at debug', () => {
  expect(app.lines.length).toBeGreaterThan(20)
  for (const line of app.lines.filter((text) => !/"level":"(debug|trace)"/.test(text))) expectNoSecret('a line', line)
})
