import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { emulateOpenai, type OpenaiEmulator } from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { mcpServers, stdio } from '../chaos/chat-server-rig.ts'
import { build, emptyFolder, type Running, start } from '../e2e/program.ts'
import { type ModernHttp, startModernHttp } from '../tools/modern-http.ts'
import { within } from '../waiting.ts'
import { folder, install } from './install.ts'
import { runClaudeCode } from './run-claude-code.ts'
import { calls, says } from './scripts.ts'

// The real Claude Code and the real Codex call tools of the gateway's servers over `/mcp` of the executable. The servers are of
// both eras.

const patienceMs = 60_000
const key = 'key-of-the-test'
let openai: OpenaiEmulator
let modern: ModernHttp
let gateway: Running
/** Scripts for the next requests that offer tools. */
const scripts: Script[] = []

beforeAll(async () => {
  const [installed] = await Promise.all([install(), build()])
  expect(installed).toBe(0)
  openai = await emulateOpenai({ reply: ({ tools }) => (tools ? scripts.shift() : undefined) })
  modern = startModernHttp('new')
  gateway = await start({
    OPENAI_BASE_URL: openai.url,
    OPENAI_API_KEY: 'sk-upstream',
    API_MASTER_KEY: key,
    ...mcpServers({ old: stdio('stdio'), new: { url: modern.config.url.reveal() } }),
  })
}, 180_000)
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await modern[Symbol.asyncDispose]()
  await openai.close()
})

/** Expects that the model got these results of tools. */
function expectResults(...texts: readonly string[]): void {
  const { messages } = openai.chats.findLast((chat) => chat.tools !== undefined) ?? {}
  const results = JSON.stringify(messages).split('"role":"tool"').slice(1)
  expect(results).toEqual(texts.map((text) => expect.stringContaining(text)))
}

test('Claude Code calls a tool of each server', async () => {
  const servers = {
    tributary: { type: 'http', url: `${gateway.url}/mcp`, headers: { authorization: `Bearer ${key}` } },
  }
  scripts.push(
    calls(['mcp__tributary__old__echo', { text: 'from Claude' }], ['mcp__tributary__new__echo', { text: 'again' }]),
    says('Done.'),
  )
  const result = await runClaudeCode({ prompt: 'Say it.', url: gateway.url, model: 'openai/gpt-test', key, servers })
  expect(result).toMatchObject({ is_error: false, result: 'Done.' })
  expectResults('you said from Claude', 'you said again')
}, 120_000)

test('Codex calls a tool of each server', async () => {
  await using home = await emptyFolder()
  await Bun.write(
    join(home.path, 'config.toml'),
    `model = "openai/gpt-test"
model_provider = "tributary"
[model_providers.tributary]
name = "tributary"
base_url = "${gateway.url}/v1"
env_key = "TRIBUTARY_KEY"
wire_api = "responses"
supports_websockets = false
[mcp_servers.tributary]
url = "${gateway.url}/mcp"
bearer_token_env_var = "TRIBUTARY_KEY"
`,
  )
  scripts.push(
    calls(['mcp__tributary__old__echo', { text: 'from Codex' }], ['mcp__tributary__new__echo', { text: 'again' }]),
    says('Done.'),
  )
  const last = join(home.path, 'last.txt')
  const options = ['--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', '--output-last-message', last]
  const child = Bun.spawn([join(folder, 'node_modules/.bin/codex'), 'exec', ...options, 'Say it.'], {
    cwd: home.path,
    env: { PATH: process.env.PATH ?? '', HOME: home.path, CODEX_HOME: home.path, TRIBUTARY_KEY: key },
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'ignore',
  })
  try {
    await within(child.exited, patienceMs, 'the end of Codex')
    expect(await Bun.file(last).text()).toBe('Done.')
  } finally {
    child.kill('SIGKILL')
  }
  expectResults('you said from Codex', 'you said again')
}, 120_000)
