/** Requests in the dialect of one service to another service that supports less of it, with the whole program over real sockets. */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { z } from 'zod'
import { emulateMistral } from '../src/providers/mistral/emulator/index.ts'
import { emulateOpenai } from '../src/providers/openai-compatible/emulator/index.ts'
import { startGateway } from './chaos/gateway.ts'

setDefaultTimeout(30_000)

const emulator = await emulateOpenai({ models: ['m', 'grok-4', 'grok-4-fast-non-reasoning', 'deepseek-reasoner'] })
const mistral = await emulateMistral()
const presets = [
  'GROQ',
  'CEREBRAS',
  'DEEPSEEK',
  'GEMINI',
  'XAI',
  'PERPLEXITY',
  'MOONSHOT',
  'SAMBANOVA',
  'OPENAI',
  'TOGETHER',
  'FIREWORKS',
]
const gateway = startGateway({
  ...Object.fromEntries(
    presets.flatMap((prefix) => [
      [`${prefix}_API_KEY`, 'any-key-of-the-tests'],
      [`${prefix}_BASE_URL`, emulator.url],
    ]),
  ),
  OLLAMA_HOST: emulator.origin,
  MISTRAL_TOKEN: 'any-key-of-the-tests',
  MISTRAL_BASE_URL: mistral.origin,
})
afterAll(async () => {
  await gateway.close()
  await Promise.all([emulator.close(), mistral.close()])
})

const Answer = z.object({ error: z.object({ code: z.string(), param: z.string().nullable() }).optional() })

async function readSentBody(model: string, body: object) {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', name: 'ann', content: 'Hello' }], ...body }),
  })
  const told = Answer.parse(await response.json())
  const receipt = response.headers.get('x-tributary-parameters')
  const sent = model.startsWith('mistral/') ? mistral.chats.at(-1) : emulator.chats.at(-1)
  return { status: response.status, error: told.error, receipt, sent }
}

const rows: readonly (readonly [model: string, body: object, sent: object, receipt: string])[] = [
  ['ollama/m', { max_completion_tokens: 5 }, { max_tokens: 5 }, 'max_completion_tokens=mapped'],
  ['ollama/m', { max_tokens: 5 }, { max_tokens: 5 }, 'max_tokens=honoured'],
  ['deepseek/m', { max_completion_tokens: 5 }, { max_tokens: 5 }, 'max_completion_tokens=mapped'],
  ['openai/m', { max_tokens: 5 }, { max_tokens: 5 }, 'max_tokens=honoured'],
  ['moonshot/m', { temperature: 2 }, { temperature: 1 }, 'temperature=mapped'],
  ['moonshot/m', { temperature: 1 }, { temperature: 1 }, 'temperature=honoured'],
  ['mistral/mistral-small-latest', { temperature: 2 }, { temperature: 1.5 }, 'temperature=mapped'],
  ['mistral/mistral-small-latest', { temperature: 1.5 }, { temperature: 1.5 }, 'temperature=honoured'],
  [
    'mistral/mistral-small-latest',
    { reasoning_effort: 'medium' },
    { reasoning_effort: 'high' },
    'reasoning_effort=mapped',
  ],
  [
    'mistral/mistral-small-latest',
    { reasoning_effort: 'minimal' },
    { reasoning_effort: 'none' },
    'reasoning_effort=mapped',
  ],
  [
    'mistral/mistral-small-latest',
    { reasoning_effort: 'high' },
    { reasoning_effort: 'high' },
    'reasoning_effort=honoured',
  ],
  ['groq/m', { logprobs: true, top_k: 4 }, { top_k: 4 }, 'logprobs=dropped, top_k=honoured'],
  ['cerebras/m', { frequency_penalty: 1, seed: 4 }, { seed: 4 }, 'seed=honoured, frequency_penalty=dropped'],
  ['gemini/m', { seed: 4, logit_bias: { 1: 2 } }, {}, 'seed=dropped, logit_bias=dropped'],
  ['sambanova/m', { seed: 4 }, {}, 'seed=dropped'],
  [
    'together/m',
    { max_completion_tokens: 5, user: 'ann', reasoning_effort: 'minimal' },
    { max_tokens: 5, reasoning_effort: 'low' },
    'max_completion_tokens=mapped, reasoning_effort=mapped, user=dropped',
  ],
  ['fireworks/m', { reasoning_effort: 'xhigh' }, { reasoning_effort: 'high' }, 'reasoning_effort=mapped'],
  ['fireworks/m', { reasoning_effort: 'none' }, { reasoning_effort: 'none' }, 'reasoning_effort=honoured'],
  ['xai/grok-4', { stop: ['x'] }, {}, 'stop=dropped'],
  ['xai/grok-4-fast-non-reasoning', { stop: ['x'] }, { stop: ['x'] }, 'stop=honoured'],
  ['deepseek/deepseek-reasoner', { logprobs: true }, {}, 'logprobs=dropped'],
]
for (const [model, body, expected, receipt] of rows)
  test(`${model} is sent ${JSON.stringify(expected)} for ${JSON.stringify(body)}`, async () => {
    const answer = await readSentBody(model, body)
    expect(answer.status).toBe(200)
    const { model: _, messages: __, ...sent } = answer.sent ?? {}
    expect(sent).toEqual({ ...expected })
    expect(answer.receipt).toBe(receipt)
  })

test('a service without tools refuses them if they must not be emulated, and another service with the model is asked instead', async () => {
  const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }]
  const refused = await readSentBody('perplexity/m', { tools, tributary: { emulate: false } })
  expect(refused).toMatchObject({ status: 400, error: { code: 'unsupported_parameter', param: 'tools' } })
  for (let turn = 0; turn < presets.length; turn++) expect((await readSentBody('m', { tools })).status).toBe(200)
})

test('an unsupported format is refused if it must not be emulated, and Groq gets no names', async () => {
  const schema = { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object' } } }
  expect(await readSentBody('deepseek/m', { response_format: schema, tributary: { emulate: false } })).toMatchObject({
    status: 400,
  })
  expect(await readSentBody('deepseek/m', { response_format: { type: 'json_object' } })).toMatchObject({ status: 200 })
  expect((await readSentBody('groq/m', {})).sent?.messages).toEqual([{ role: 'user', content: 'Hello' }])
  expect((await readSentBody('openai/m', {})).sent?.messages).toEqual([{ role: 'user', name: 'ann', content: 'Hello' }])
})
