import { beforeAll, expect, test } from 'bun:test'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { rotatedFiles } from '../../src/telemetry/rotated-files.ts'
import { until } from '../waiting.ts'
import { build, command, emptyFolder, run, start } from './program.ts'

// The executable writes its log into a pipe whose reader is late.

beforeAll(build, 120_000)

/** Their lines do not fit into a pipe, which holds 64 KiB on Linux. */
const askedCount = 500
/** Runs a program, and reads its first line at once, but the others only when the file `go` is there. */
const lateReader =
  'sh -c \'echo $$ >pid; exec "$@"\' sh "$@" | { read -r line; echo "$line" >first; until [ -e go ]; do sleep 0.01; done; cat; }'

const variables = {
  HOST: '127.0.0.1',
  PORT: '0',
  LOG_FORMAT: 'json',
  OPENAI_API_KEY: 'a-key',
  OPENAI_BASE_URL: 'http://127.0.0.1:9/v1',
}

test('a program that is stopped waits for the reader of its log, so that no line is lost', async () => {
  await using folder = await emptyFolder()
  const child = Bun.spawn(['sh', '-c', lateReader, 'sh', ...command], {
    cwd: folder.path,
    env: { ...variables, PATH: process.env.PATH ?? '', HOME: folder.path },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'ignore',
  })
  const read = (name: string) => readFile(join(folder.path, name), 'utf8').catch(() => '')
  try {
    await until(async () => (await read('first')).endsWith('\n'), 20_000, 'the address')
    const { url } = JSON.parse(await read('first'))
    for (let asked = 0; asked < askedCount; asked += 50) await Promise.all(Array.from({ length: 50 }, () => ask(url)))
    process.kill(Number(await read('pid')), 'SIGTERM')
    await until(() => isRefused(url), 20_000, 'the server is closed')
    await writeFile(join(folder.path, 'go'), '')
    const lines = (await child.stdout.text()).split('\n').filter((line) => line !== '')
    expect(lines.filter((line) => JSON.parse(line).msg === 'chat').length).toBe(askedCount)
  } finally {
    child.kill('SIGKILL')
  }
}, 60_000)

test('LOG_FILE has every line, follows a rename, and takes another level on SIGHUP; it is set aside when it is long', async () => {
  await using folder = await emptyFolder()
  const at = (name: string) => join(folder.path, name)
  const read = (name: string) => readFile(at(name), 'utf8').catch(() => '')
  const settings = 'LOG_FILE=a.log\nLOG_MAX_BYTES=65536\n'
  await writeFile(at('.env'), settings)
  await using gateway = await start(
    { OPENAI_API_KEY: 'a-key', OPENAI_BASE_URL: 'http://127.0.0.1:9/v1' },
    { cwd: folder.path },
  )
  await ask(gateway.url)
  await until(async () => (await read('a.log')).includes('"msg":"chat"'), 20_000, 'the line of the request')
  expect(gateway.output().trim().split('\n')).toEqual([expect.stringContaining('"msg":"listening"')])
  // as logrotate does
  await rename(at('a.log'), at('old'))
  process.kill(gateway.pid, 'SIGHUP')
  await until(async () => (await read('a.log')).includes('were read again'), 20_000, 'a new file')
  expect(await read('old')).toContain('"msg":"listening"')
  await writeFile(at('.env'), `${settings}LOG_LEVEL=error\n`)
  process.kill(gateway.pid, 'SIGHUP')
  const level = async () =>
    /"LOG_LEVEL","value":"(\w+)"/.exec(await (await fetch(`${gateway.url}/admin/settings`)).text())?.[1]
  await until(async () => (await level()) === 'error', 20_000, 'the other level')
  const { length } = await read('a.log')
  await ask(gateway.url)
  await writeFile(at('.env'), settings)
  process.kill(gateway.pid, 'SIGHUP')
  await until(async () => (await read('a.log')).length > length, 20_000, 'the second reload')
  expect(await read('a.log')).not.toContain('"msg":"chat"')
  for (let asked = 0; asked < 400; asked += 50) await Promise.all(Array.from({ length: 50 }, () => ask(gateway.url)))
  expect(await gateway.stop('SIGTERM')).toBe(0)
  const files = await rotatedFiles(at('a.log'))
  const texts = await Promise.all([...files, at('a.log')].map((name) => readFile(name, 'utf8')))
  expect(files.length).toBeGreaterThan(0)
  for (const text of texts) expect(text.length).toBeLessThanOrEqual(65_536)
  const lines = texts.flatMap((text) => text.trim().split('\n')).map((line) => JSON.parse(line).msg)
  expect(lines.filter((message) => message === 'chat')).toHaveLength(400)
}, 60_000)

test('a LOG_FILE that cannot be written refuses the start, and check says so', async () => {
  await using folder = await emptyFolder()
  for (const [LOG_FILE, why] of [
    [join(folder.path, 'none/a.log'), 'there is no folder'],
    [folder.path, 'is no file'],
  ] as const) {
    const served = await run(['serve'], { variables: { LOG_FILE, PORT: '0' } })
    expect([served.code, served.stderr]).toEqual([78, expect.stringContaining(why)])
  }
  const checked = await run(['check'], { variables: { LOG_FILE: join(folder.path, 'none/a.log') } })
  expect([checked.code, checked.stdout]).toEqual([78, expect.stringContaining('problem: LOG_FILE')])
})

async function ask(url: string): Promise<void> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'nowhere/model', messages: [{ role: 'user', content: 'hello' }] }),
  })
  await response.text()
}

const isRefused = (url: string) =>
  fetch(`${url}/health`).then(
    () => false,
    () => true,
  )
