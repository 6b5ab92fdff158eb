import { beforeAll, expect, test } from 'bun:test'
import { linkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeFifo } from '../libc.ts'
import { until } from '../waiting.ts'
import { build, emptyFolder, run, start } from './program.ts'

// The executable, while another program changes its state file.

beforeAll(build)

test('a removed state file is reported in the log and at /ready, and answers go on', async () => {
  await using folder = await emptyFolder()
  const file = join(folder.path, 'state.db')
  await using program = await start({ STATE_URL: `sqlite:${file}` })
  const ready = async () => (await fetch(`${program.url}/ready`)).json()
  const chat = async () => {
    const response = await fetch(`${program.url}/api/chat/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ session_id: 'one', content: 'Hello' }),
    })
    return response.text()
  }
  expect(await ready()).toMatchObject({ status: 'ready', state: 'ok' })
  expect(await chat()).toContain('"chunk"')
  rmSync(file)
  expect(await ready()).toMatchObject({ status: 'degraded', state: 'failing' })
  await until(() => program.output().includes(`The state file ${file} was removed`), 30_000, 'the log names it')
  expect(await chat()).toContain('"chunk"')
})

test('a second program does not start with the same data under another path', async () => {
  await using folder = await emptyFolder()
  const [file, link] = [join(folder.path, 'state.db'), join(folder.path, 'link.db')]
  await using first = await start({ STATE_URL: `sqlite:${file}` })
  linkSync(file, link)
  const second = await run(['serve'], { variables: { PORT: '0', STATE_URL: `sqlite:${link}` } })
  expect([second.code, second.stderr]).toEqual([78, expect.stringContaining('Another tributary has the state file')])
  expect((await fetch(`${first.url}/health`)).status).toBe(200)
})

test('a pipe in place of the state file is refused at once', async () => {
  await using folder = await emptyFolder()
  const pipe = join(folder.path, 'state.db')
  makeFifo(pipe)
  const { code, stderr } = await run(['serve'], { variables: { PORT: '0', STATE_URL: `sqlite:${pipe}` } })
  expect([code, stderr]).toEqual([78, expect.stringContaining('is not a regular file')])
})
