import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { emulateOpenai } from '../../src/providers/openai-compatible/emulator/index.ts'
import { build, emptyFolder, run, start } from './program.ts'

// credentials that are added to the running program

beforeAll(build, 120_000)

const key = 'sk-good-0123456789abcdef'
const lab = await emulateOpenai({ keys: [key], models: ['gpt-lab'] })
afterAll(() => lab.close())

async function add(url: string, variables: Readonly<Record<string, string>>) {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${url}/admin/accounts`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ variables }),
  })
  return { status: response.status, text: await response.text() }
}

test('they are there after the program was killed, are announced, and doctor tests them without a server', async () => {
  await using folder = await emptyFolder()
  const variables = {
    STATE_URL: `sqlite:${join(folder.path, 'state.db')}`,
    STATE_SECRET: 'a-secret-of-the-state-0123456789',
  }
  const first = await start(variables)
  expect(first.output()).toContain('"upstreams":["demo"]')
  const added = await add(first.url, { UPSTREAM_LAB_URL: lab.url, UPSTREAM_LAB_KEY: key })
  expect(added).toMatchObject({ status: 201, text: expect.stringContaining('"works":true') })
  await first.stop('SIGKILL')
  await using second = await start(variables)
  expect(second.output()).toContain('"upstreams":["lab"]')
  const models = await fetch(`${second.url}/v1/models`)
  expect(await models.text()).toContain('lab/gpt-lab')
  expect(second.output()).not.toContain(key)
  await second.stop('SIGTERM')
  const doctor = await run(['doctor', '--json'], { variables: { PORT: '0', ...variables } })
  expect(JSON.parse(doctor.stdout)).toMatchObject({
    works: true,
    accounts: [{ upstream: 'lab', account: 'UPSTREAM_LAB_KEY', works: true }],
  })
})

test('the demo takes them too, beside those of its emulators', async () => {
  await using demo = await start({}, { args: ['demo'] })
  expect(await add(demo.url, { OPENAI_API_KEY_2: key })).toMatchObject({ status: 201 })
  expect(await add(demo.url, { OPENAI_API_KEY: key })).toMatchObject({ status: 409 })
  expect(await add(demo.url, { UPSTREAM_LAB_URL: lab.url, UPSTREAM_LAB_KEY: key })).toMatchObject({ status: 201 })
  const listed = await fetch(`${demo.url}/v1/models`)
  expect(await listed.text()).toContain('lab/gpt-lab')
})
