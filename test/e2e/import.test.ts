import { Database } from 'bun:sqlite'
import { beforeAll, expect, test } from 'bun:test'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build, emptyFolder, run, start } from './program.ts'

// `tributary import`: what it writes can be started with

beforeAll(build, 120_000)

const litellm = `
model_list:
  - model_name: smart
    litellm_params: { model: openai/gpt-5, api_key: sk-one-0123456789 }
  - model_name: lab
    litellm_params: { model: openai/lab, api_base: "http://127.0.0.1:9/v1?key=word-in-query", api_key: "sk-a\\nPORT=1" }
general_settings: { master_key: sk-master-0123456789abcdef, strange: 1 }
`

test('a configuration of LiteLLM: shown first, written when asked, and never over a file', async () => {
  await using folder = await emptyFolder()
  const at = { cwd: folder.path }
  await writeFile(join(folder.path, 'config.yaml'), litellm)
  const shown = await run(['import', 'litellm', 'config.yaml'], at)
  expect(shown.code).toBe(0)
  expect(shown.stdout).toContain('ALIASES=smart = openai/gpt-5')
  expect(shown.stdout).toContain('general_settings.strange: It has no counterpart here.')
  expect(shown.stdout).toContain('Nothing was written.')
  expect(shown.stdout).toContain('UPSTREAM_OPENAI_2_KEY: Its value has signs that .env cannot have')
  expect(shown.stdout).not.toMatch(/sk-|word-in-query/)
  expect((await run(['import', 'litellm', 'config.yaml', '--write'], at)).code).toBe(0)
  expect((await stat(join(folder.path, '.env'))).mode & 0o777).toBe(0o600)
  const written = await readFile(join(folder.path, '.env'), 'utf8')
  expect(await run(['import', 'litellm', 'config.yaml', '--write'], at)).toMatchObject({ code: 73 })
  expect(await readFile(join(folder.path, '.env'), 'utf8')).toBe(written)
  await using program = await start({ OPENAI_BASE_URL: 'http://127.0.0.1:9/v1' }, at)
  const headers = { authorization: 'Bearer sk-master-0123456789abcdef' }
  expect(await (await fetch(`${program.url}/v1/models/smart`, { headers })).text()).toContain('smart')
})

test('a database of one-api: its tokens go on working', async () => {
  await using folder = await emptyFolder()
  const at = { cwd: folder.path }
  const database = new Database(join(folder.path, 'one-api.db'))
  database.run('CREATE TABLE channels (id, type, status, name, key, models)')
  database.run("INSERT INTO channels VALUES (1, 1, 1, 'main', 'sk-one-0123456789', 'gpt-5')")
  database.run('CREATE TABLE tokens (id, user_id, status, name, key, unlimited_quota, expired_time)')
  database.run(`INSERT INTO tokens VALUES (1, 1, 1, 'phone', '${'a'.repeat(48)}', 1, -1)`)
  database.run('CREATE TABLE users (id, username, status)')
  database.run("INSERT INTO users VALUES (1, 'root', 1)")
  database.close()
  const imported = await run(['import', 'one-api', 'one-api.db', '--write', '--json'], at)
  expect(JSON.parse(imported.stdout)).toEqual({
    variables: ['OPENAI_API_KEY', 'ALIASES'],
    keys: ['root.phone'],
    findings: [],
  })
  await using program = await start({ API_MASTER_KEY: 'sk-master-0123456789abcdef' }, at)
  const me = await fetch(`${program.url}/v1/me`, { headers: { authorization: `Bearer sk-${'a'.repeat(48)}` } })
  expect(await me.json()).toMatchObject({ name: 'root.phone' })
})

test('what is none of these is refused', async () => {
  await using folder = await emptyFolder()
  const at = { cwd: folder.path }
  await writeFile(join(folder.path, 'text'), 'a: [1')
  for (const kind of ['litellm', 'one-api'])
    for (const path of ['text', 'none'])
      expect(await run(['import', kind, path], at)).toMatchObject({ code: 66, stderr: expect.stringContaining(path) })
  expect(await run(['import', 'other', 'text'], at)).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('Usage'),
  })
})
