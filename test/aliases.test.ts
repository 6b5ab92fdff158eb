/** Other names of models: clients of every dialect may use them, and find them in the list. */
import { afterAll, expect, test } from 'bun:test'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { emulateOpenai } from '../src/providers/openai-compatible/emulator/index.ts'
import { startGateway } from './chaos/gateway.ts'

const lab = await emulateOpenai({ models: ['m', 'n'] })
const other = await emulateOpenai({ models: ['m'] })
const gateway = startGateway({
  UPSTREAM_LAB_URL: lab.url,
  UPSTREAM_OTHER_URL: other.url,
  UPSTREAM_OTHER_MODELS: 'm',
  ALIASES: 'claude-lab = lab/n\nclaude-both = m; claude-new = lab/to-come',
})
const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'unused', maxRetries: 0 })
const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: 'unused', maxRetries: 0 })
afterAll(async () => {
  await gateway.close()
  await lab.close()
  await other.close()
})

const messages = [{ role: 'user' as const, content: 'Hello' }]

test('the upstream gets its own name, and the client the one that it used', async () => {
  const { model } = await openai.chat.completions.create({ model: 'claude-lab', messages })
  const stream = await openai.chat.completions.create({ model: 'claude-lab', messages, stream: true })
  const chunks = new Set((await Array.fromAsync(stream)).map((chunk) => chunk.model))
  const message = await anthropic.messages.create({ model: 'claude-lab', max_tokens: 9, messages })
  const response = await openai.responses.create({ model: 'claude-lab', input: 'Hello', store: false })
  expect([model, ...chunks, message.model, response.model]).toEqual(Array.from({ length: 4 }, () => 'claude-lab'))
  expect(lab.chats.map((chat) => chat.model)).toEqual(['n', 'n', 'n', 'n'])
})

test('an alias of a bare name stands for all upstreams that have the model', async () => {
  const before = [lab.chats.length, other.chats.length]
  for (let at = 0; at < 4; at++) await openai.chat.completions.create({ model: 'claude-both', messages })
  const asked = [lab.chats.length - (before[0] ?? 0), other.chats.length - (before[1] ?? 0)]
  expect(asked.reduce((sum, count) => sum + count, 0)).toBe(4)
  // if one fails, the other answers
  lab.script({ status: 500, headers: {}, body: [] }, { status: 500, headers: {}, body: [] })
  await openai.chat.completions.create({ model: 'claude-both', messages })
})

test('aliases are listed after the models, with the facts of their models and a name for people', async () => {
  const { data } = await openai.models.list()
  const listed = await Array.fromAsync(anthropic.models.list())
  expect(data.map(({ id }) => id)).toEqual(['lab/m', 'lab/n', 'other/m', 'claude-lab', 'claude-both', 'claude-new'])
  expect(listed.slice(3)).toMatchObject([
    { type: 'model', id: 'claude-lab', display_name: 'claude-lab (lab/n)' },
    { type: 'model', id: 'claude-both', display_name: 'claude-both (m)' },
    { type: 'model', id: 'claude-new', display_name: 'claude-new (lab/to-come)' },
  ])
  expect(data[3]).toMatchObject({ object: 'model', owned_by: 'emulator', created: 1_760_000_000 })
})

test('an alias is retrieved by its name', async () => {
  for (const name of ['claude-lab', 'claude-new'])
    expect(await openai.models.retrieve(name)).toMatchObject({ id: name, object: 'model' })
})

test('an alias with the name of a model hides the model, and one of no model says what it stands for', async () => {
  const hiding = startGateway({ UPSTREAM_LAB_URL: lab.url, ALIASES: 'lab/m = lab/n; typo = lap/n' })
  const client = new OpenAI({ baseURL: `${hiding.url}/v1`, apiKey: 'unused', maxRetries: 0 })
  try {
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['lab/n', 'lab/m', 'typo'])
    const said = 'The model "lap/n", for which "typo" stands in ALIASES, does not exist here.'
    const failure = await client.chat.completions.create({ model: 'typo', messages }).catch((thrown: Error) => thrown)
    expect(failure).toMatchObject({ status: 404, message: expect.stringContaining(said) })
  } finally {
    await hiding.close()
  }
})
