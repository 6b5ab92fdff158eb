import { beforeAll, expect, test } from 'bun:test'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '../waiting.ts'
import { build, command, emptyFolder } from './program.ts'

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
