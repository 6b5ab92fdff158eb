import { beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { build, emptyFolder, run, start } from './program.ts'

// `tributary keys` of the executable

beforeAll(build, 120_000)

const master = 'sk-e2e-master-0123456789'

test('keys are added without a server, work at a server, and are revoked there at once', async () => {
  await using folder = await emptyFolder()
  const variables = {
    API_MASTER_KEY: master,
    STATE_URL: `sqlite:${join(folder.path, 'state.db')}`,
    STATE_SECRET: '0123456789abcdef0123456789abcdef',
  }
  const keys = (args: readonly string[], port = '0') =>
    run(['keys', ...args], { variables: { ...variables, PORT: port } })
  const added = await keys(['add', 'phone', '--rpm', '20', '--models', 'demo/*', '--budget', '5000 tokens/day'])
  expect(added.code).toBe(0)
  expect(added.stdout).toMatch(/^sk-tributary-[\w-]{43}\n$/)
  const phone = added.stdout.trim()
  expect((await keys(['add', 'phone'])).stderr).toContain('already')
  await using server = await start(variables)
  const { port } = new URL(server.url)
  const modelsFor = (key: string) => fetch(`${server.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })
  expect((await modelsFor(phone)).headers.get('x-ratelimit-limit-requests')).toBe('20')
  const { stdout } = await keys(['list', '--json'], port)
  expect(JSON.parse(stdout)).toMatchObject({ keys: [{ name: 'phone', rpm: 20, models: ['demo/*'], source: 'state' }] })
  expect(stdout).not.toContain(phone)
  expect((await keys(['revoke', 'phone'], port)).code).toBe(0)
  expect((await modelsFor(phone)).status).toBe(403)
  expect(await keys(['revoke', 'phone'], port)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no key "phone"'),
  })
  expect(server.output()).not.toContain(phone)
}, 60_000)

for (const [args, said] of [
  [[], 'Usage: tributary keys'],
  [['add', 'phone', '--rpm', 'many'], '"rpm" must be a whole number'],
] as const)
  test(`keys ${args.join(' ')} is refused as a wrong command line`, async () => {
    expect(await run(['keys', ...args], { variables: { PORT: '0' } })).toMatchObject({
      code: 64,
      stderr: expect.stringContaining(said),
    })
  })

test('without a server and a lasting state nothing is added', async () => {
  expect(await run(['keys', 'add', 'phone'], { variables: { PORT: '0' } })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('STATE_URL'),
  })
})
