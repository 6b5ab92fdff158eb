import { beforeAll, expect, test } from 'bun:test'
import { readFile, rename, symlink, writeFile } from 'node:fs/promises'
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
  await symlink(join(folder.path, 'none/b.log'), join(folder.path, 'link.log'))
  for (const [LOG_FILE, why] of [
    [join(folder.path, 'none/a.log'), 'there is no folder'],
    [folder.path, 'is no file'],
    [join(folder.path, 'link.log'), 'look where it leads'],
  ] as const) {
    const served = await run(['serve'], { variables: { LOG_FILE, PORT: '0' } })
    expect([served.code, served.stderr]).toEqual([78, expect.stringContaining(why)])
  }
  const checked = await run(['check'], { variables: { LOG_FILE: join(folder.path, 'none/a.log') } })
  expect([checked.code, checked.stdout]).toEqual([78, expect.stringContaining('problem: LOG_FILE')])
})

test('a chained log is whole after kill -9, a restart and a rotation, and verify finds what is changed or missing', async () => {
  await using folder = await emptyFolder()
  const path = join(folder.path, 'a.log')
  const STATE_SECRET = crypto.randomUUID()
  const chained = { ...variables, LOG_FILE: path, LOG_MAX_BYTES: '65536', LOG_CHAIN: 'true', STATE_SECRET }
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    await using gateway = await start(chained)
    await Promise.all(Array.from({ length: 80 }, () => ask(gateway.url)))
    await until(async () => (await readFile(path, 'utf8')).includes('"msg":"chat"'), 20_000, 'a line')
    await gateway.stop(signal)
  }
  const verify = async (secret: string) => {
    const { code, stdout } = await run(['verify', path, '--json'], { variables: { STATE_SECRET: secret } })
    const { files, chains, findings } = JSON.parse(stdout)
    return { code, files, chains, kinds: findings.map(({ kind }: { kind: string }) => kind) }
  }
  const whole = await verify(STATE_SECRET)
  expect(whole).toMatchObject({ code: 0, kinds: [], chains: [{ isEnded: false }, { isEnded: true, isKeyed: true }] })
  expect(whole.files.length).toBeGreaterThan(1)
  expect(await verify(crypto.randomUUID())).toMatchObject({ code: 1, kinds: ['unreadable', 'unreadable'] })
  // the end of the process that was killed is named by the next one, so it cannot be cut off
  const aside = whole.files[0]
  const lines = (await readFile(aside, 'utf8')).split('\n')
  await writeFile(
    aside,
    lines
      .toSpliced(3, 1, (lines[3] ?? '').replace('"level"', '"Level"'))
      .toSpliced(9, 1)
      .join('\n'),
  )
  const { code, stdout } = await run(['verify', path], { variables: { STATE_SECRET } })
  expect(code).toBe(1)
  expect(stdout).toContain(`${aside}:4: line 4 of chain`)
  expect(stdout).toMatch(/:10: before this line, line 10 of chain [\w-]+ is missing\n/)
  expect(await run(['verify', 'nowhere.log'])).toMatchObject({ code: 66 })
}, 60_000)

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
