import { beforeAll, describe, expect, test } from 'bun:test'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { build, emptyFolder, run } from './program.ts'

// `tributary connect` prints a client's settings, and writes them into its file. The home folder is the working folder.

beforeAll(build, 120_000)

const key = 'sk-secret-0123456789abcdef'
const variables = { API_MASTER_KEY: key, PORT: '8123', HOST: '0.0.0.0' }

/** Writes settings into a home folder that may have a file. @returns the outcome, the file's new text, and the old text that was kept */
async function written(client: string, path: string, before?: string) {
  await using home = await emptyFolder()
  const file = join(home.path, path)
  await mkdir(dirname(file), { recursive: true })
  if (before !== undefined) await writeFile(file, before)
  const outcome = await run(['connect', client, 'lab/agent', '--write'], { cwd: home.path, variables })
  const read = (name: string) => readFile(name, 'utf8').catch(() => undefined)
  return {
    outcome,
    after: await read(file),
    kept: await read(`${file}.before-tributary`),
    names: await readdir(dirname(file)),
  }
}

describe('connect prints', () => {
  for (const [client, ...parts] of [
    [
      'claude-code',
      'ANTHROPIC_BASE_URL=http://127.0.0.1:8123\n',
      'ANTHROPIC_MODEL=lab/agent\n',
      ' http://127.0.0.1:8123/mcp ',
    ],
    [
      'codex',
      'base_url = "http://127.0.0.1:8123/v1"',
      'model = "lab/agent"',
      'supports_websockets = false',
      '8123/mcp"',
    ],
    ['opencode', '"baseURL": "http://127.0.0.1:8123/v1"', '"tributary/lab/agent"'],
    ['continue', 'apiBase: "http://127.0.0.1:8123/v1"', 'model: "lab/agent"'],
    ['cline', 'Base URL: http://127.0.0.1:8123/v1', 'Model ID: lab/agent'],
    ['open-webui', 'OPENAI_API_BASE_URL=http://127.0.0.1:8123/v1'],
    ['aider', '--openai-api-base http://127.0.0.1:8123/v1', 'openai/lab/agent'],
    ['openai', 'OPENAI_BASE_URL=http://127.0.0.1:8123/v1'],
    ['openai-python', 'base_url="http://127.0.0.1:8123/v1"', 'model="lab/agent"'],
    ['openai-js', 'baseURL: "http://127.0.0.1:8123/v1"', 'model: "lab/agent"'],
    ['ai-sdk', 'baseURL: "http://127.0.0.1:8123/v1"', 'tributary("lab/agent")'],
    ['langchain', 'base_url="http://127.0.0.1:8123/v1"', 'configuration: { baseURL: "http://127.0.0.1:8123/v1" }'],
    ['librechat', '# librechat.yaml', 'baseURL: "http://127.0.0.1:8123/v1"', 'default: ["lab/agent"]'],
    ['lobechat', 'OPENAI_PROXY_URL=http://127.0.0.1:8123/v1 ', 'OPENAI_MODEL_LIST=-all,+lab/agent'],
    ['cherry-studio', 'API Host: http://127.0.0.1:8123\n', 'Model ID: lab/agent'],
    ['nextchat', 'BASE_URL=http://127.0.0.1:8123 ', 'CUSTOM_MODELS=-all,+lab/agent@OpenAI'],
    ['curl', 'http://127.0.0.1:8123/v1/chat/completions', '"lab/agent"'],
  ] as const)
    test(`the settings of ${client}, without the key`, async () => {
      const { code, stdout } = await run(['connect', client, 'lab/agent'], { variables })
      expect(code).toBe(0)
      for (const part of parts) expect(stdout).toContain(part)
      expect(stdout).toContain('TRIBUTARY_KEY')
      expect(stdout).not.toContain(key)
    })

  test('the aliases that Claude Code lists, or how to make one', async () => {
    const { stdout } = await run(['connect', 'claude-code', 'lab/agent'], { variables })
    expect(stdout).toContain('ALIASES="claude-mine = lab/agent"')
    const aliases = 'claude-lab = lab/agent; mine = lab/agent'
    const lab = { UPSTREAM_LAB_URL: 'http://127.0.0.1:1', ALIASES: aliases }
    const printed = await run(['connect', 'claude-code', 'claude-lab'], { variables: { ...variables, ...lab } })
    expect(printed.stdout).toContain('export CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY=1\n')
    expect(printed.stdout).toContain('# /model lists claude-lab\n')
  })

  test('the names of all clients if none is given, and the near one for a wrong name', async () => {
    expect(await run(['connect'], { variables })).toMatchObject({
      code: 64,
      stdout: '',
      stderr: expect.stringContaining('open-webui'),
    })
    expect((await run(['connect', 'codx'], { variables })).stderr).toContain('"codex"')
  })
})

describe('connect --write', () => {
  test('makes the file of Codex', async () => {
    const { outcome, after, names } = await written('codex', '.codex/config.toml')
    expect(outcome.code).toBe(0)
    expect(Bun.TOML.parse(after ?? '')).toEqual({
      model: 'lab/agent',
      model_provider: 'tributary',
      model_providers: {
        tributary: {
          name: 'tributary',
          base_url: 'http://127.0.0.1:8123/v1',
          env_key: 'TRIBUTARY_KEY',
          wire_api: 'responses',
          supports_websockets: false,
        },
      },
    })
    expect(names).toEqual(['config.toml'])
  })

  test('keeps the other settings of Codex, and the old file', async () => {
    const before = `# mine
model = "gpt-5.5"
approval_policy = "never"

[model_providers.tributary]
name = "old"

[model_providers.other]
name = "other"
`
    const { after, kept } = await written('codex', '.codex/config.toml', before)
    expect(kept).toBe(before)
    expect(after).toContain('# mine')
    expect(Bun.TOML.parse(after ?? '')).toMatchObject({
      model: 'lab/agent',
      approval_policy: 'never',
      model_providers: { other: { name: 'other' }, tributary: { name: 'tributary' } },
    })
    const again = await written('codex', '.codex/config.toml', after)
    expect([again.after, again.kept]).toEqual([after, undefined])
  })

  test('keeps the other settings of Claude Code and opencode', async () => {
    const claude = await written(
      'claude-code',
      '.claude/settings.json',
      '{"env":{"A":"b","ANTHROPIC_MODEL":"old"},"theme":"dark"}',
    )
    expect(JSON.parse(claude.after ?? '')).toMatchObject({
      theme: 'dark',
      env: { A: 'b', ANTHROPIC_BASE_URL: 'http://127.0.0.1:8123', ANTHROPIC_MODEL: 'lab/agent' },
    })
    const opencode = await written('opencode', '.config/opencode/opencode.json', '{"provider":{"other":{}}}')
    expect(JSON.parse(opencode.after ?? '')).toMatchObject({
      model: 'tributary/lab/agent',
      provider: { other: {}, tributary: { options: { baseURL: 'http://127.0.0.1:8123/v1' } } },
    })
  })

  for (const [client, path, before] of [
    ['codex', '.codex/config.toml', 'model = "a\n'],
    ['claude-code', '.claude/settings.json', '{"env": // mine\n}'],
    ['opencode', '.config/opencode/opencode.json', '[]'],
  ] as const)
    test(`changes nothing in a file of ${client} that it cannot read`, async () => {
      const { outcome, after, kept } = await written(client, path, before)
      expect(outcome).toMatchObject({ code: 73, stdout: '', stderr: expect.stringContaining('was not changed') })
      expect([after, kept]).toEqual([before, undefined])
    })

  test('needs a model, and a client whose file can be written', async () => {
    expect(await run(['connect', 'codex', '--write'], { variables })).toMatchObject({ code: 64, stdout: '' })
    expect(await run(['connect', 'cline', 'lab/agent', '--write'], { variables })).toMatchObject({
      code: 64,
      stdout: '',
    })
    expect(await run(['check', '--write'], { variables })).toMatchObject({ code: 64, stdout: '' })
  })
})
