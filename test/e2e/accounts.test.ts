import { afterAll, beforeAll, expect, test } from 'bun:test'
import { emulateOpenai } from '../../src/providers/openai-compatible/emulator/index.ts'
import { build, run, start } from './program.ts'

// `tributary accounts`, beside a running program

beforeAll(build, 120_000)

const [first, second] = ['sk-good-0123456789abcdef', 'sk-more-0123456789abcdef']
const lab = await emulateOpenai({ keys: [first, second], models: ['gpt-lab'] })
afterAll(() => lab.close())

test('accounts are listed, added from the input, put to rest, woken and removed', async () => {
  await using program = await start({ OPENAI_API_KEY: first, OPENAI_BASE_URL: lab.url })
  const variables = { PORT: new URL(program.url).port }
  const accounts = (args: readonly string[], input?: string) => run(['accounts', ...args], { variables, input })
  const listed = async () => JSON.parse((await accounts(['list', '--json'])).stdout).accounts

  expect(await listed()).toMatchObject([{ upstream: 'openai', label: 'OPENAI_API_KEY', source: 'environment' }])
  expect(await accounts(['add', 'openai'], `${second}\n`)).toEqual({
    code: 0,
    stdout: 'OPENAI_API_KEY_2 is added to openai: it works.\n',
    stderr: '',
  })
  expect(await accounts(['rest', 'OPENAI_API_KEY_2', '--minutes', '5'])).toMatchObject({ code: 0 })
  expect(await listed()).toMatchObject([{ state: 'ok' }, { label: 'OPENAI_API_KEY_2', state: 'cooling' }])
  expect(await accounts(['wake', 'openai/OPENAI_API_KEY_2'])).toMatchObject({ code: 0 })
  expect((await accounts(['list'])).stdout).toMatch(/openai +OPENAI_API_KEY_2 +ok +– +state/)
  expect((await accounts(['remove', 'OPENAI_API_KEY_2'])).stdout).toBe('Removed: OPENAI_API_KEY_2.\n')
  expect(await listed()).toHaveLength(1)

  for (const [args, said] of [
    [['add', 'openai'], 'No credential was given.'],
    [['add', 'nobody'], 'There is no upstream "nobody"'],
    [['rest', 'NOBODY'], 'There is no account "NOBODY"'],
    [['rest', 'OPENAI_API_KEY', '--minutes', 'soon'], '--minutes must be a whole number'],
    [['remove', 'OPENAI_API_KEY'], 'is not kept in the state'],
  ] satisfies [string[], string][])
    expect(await accounts(args, '')).toMatchObject({ code: 1, stderr: expect.stringContaining(said) })
  expect(await accounts(['add', 'openai'], 'sk-wrong-0123456789abcd')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/refused/),
  })
  expect(await accounts(['forget'])).toMatchObject({ code: 64, stderr: expect.stringContaining('Usage:') })
})

test('without a server they say so', async () => {
  expect(await run(['accounts', 'list'], { variables: { PORT: '0' } })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('No server answers'),
  })
})
