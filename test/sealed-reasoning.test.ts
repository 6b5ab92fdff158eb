/** Reasoning goes round through clients of the Responses API: signatures come back to the upstream and model that made them. */
import { afterAll, expect, test } from 'bun:test'
import OpenAI from 'openai'
import { signature } from '../src/providers/anthropic/emulator/answer.ts'
import { emulateAnthropic, messageEvent } from '../src/providers/anthropic/emulator/index.ts'
import { emulateOpenai, frame } from '../src/providers/openai-compatible/emulator/index.ts'
import { startGateway } from './chaos/gateway.ts'

const models = ['claude-test', 'claude-other']
const service = await emulateAnthropic({ models })
const emulator = await emulateOpenai()
const keys = ['sk-ada-0123456789abcdef', 'sk-bob-0123456789abcdef']
const gateway = startGateway({
  API_MASTER_KEY: keys.join(','),
  ANTHROPIC_BASE_URL: service.origin,
  ANTHROPIC_API_KEY: 'any-key',
  ANTHROPIC_MODELS: models.join(','),
  UPSTREAM_LAB_URL: emulator.url,
  UPSTREAM_TWIN_URL: emulator.url,
})
const [client, other] = keys.map((apiKey) => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, maxRetries: 0 }))
if (!client || !other) throw new Error('there is no client')
afterAll(async () => {
  await gateway.close()
  await emulator.close()
  await service.close()
})

const model = 'anthropic/claude-test'
const question = { role: 'user' as const, content: 'call weather' }
const weather = { type: 'function' as const, name: 'weather', parameters: { type: 'object' }, strict: false }
const asked = {
  model,
  tools: [weather],
  reasoning: { effort: 'low' as const },
  store: false,
  include: ['reasoning.encrypted_content' as const],
}
/** The items of an answer, as a client sends them back. */
const given = (output: readonly object[]): OpenAI.Responses.ResponseInput => JSON.parse(JSON.stringify(output))
const outputsOf = (output: readonly OpenAI.Responses.ResponseOutputItem[]) =>
  output.flatMap((item) =>
    item.type === 'function_call'
      ? [{ type: 'function_call_output' as const, call_id: item.call_id, output: 'It is warm.' }]
      : [],
  )
/** The blocks of the model's answer in the last request to Anthropic, and whether it thinks. */
const lastTurn = () => {
  const { messages = [], thinking } = service.chats.at(-1) ?? {}
  const answer = messages.findLast(({ role }) => role === 'assistant')?.content
  return { thinking, types: Array.isArray(answer) ? answer.map(({ type }) => type) : answer, answer }
}
const thinks = { thinking: { type: 'enabled' }, types: ['thinking', 'tool_use'] }
const isBlind = { thinking: undefined, types: ['tool_use'] }

for (const stream of [false, true])
  test(`thinking goes on after a tool call of a client that keeps everything, ${stream ? 'streamed' : 'whole'}`, async () => {
    const ask = (input: OpenAI.Responses.ResponseInput) =>
      stream
        ? client.responses.stream({ ...asked, input }).finalResponse()
        : client.responses.create({ ...asked, input })
    const { output } = await ask([question])
    expect(output).toMatchObject([{ type: 'reasoning' }, { type: 'function_call' }])
    expect(JSON.stringify(output)).not.toContain(signature)
    await ask([question, ...given(output), ...outputsOf(output)])
    expect(lastTurn()).toMatchObject({ ...thinks, answer: [{ thinking: 'Let me think.', signature }, {}] })
  })

for (const [how, include] of [
  ['a chain of responses', []],
  ['a chain, also if it is included', asked.include],
] as const)
  test(`signatures are kept with ${how}`, async () => {
    const kept = { ...asked, store: true, include: [...include] }
    const { id, output } = await client.responses.create({ ...kept, input: [question] })
    expect(JSON.stringify(output).includes('encrypted_content')).toBe(include.length > 0)
    await client.responses.create({ ...kept, previous_response_id: id, input: outputsOf(output) })
    expect(lastTurn()).toMatchObject(thinks)
    const references = output.map((item) => ({ type: 'item_reference' as const, id: item.id ?? '' }))
    await client.responses.create({ ...kept, input: [question, ...references, ...outputsOf(output)] })
    expect(lastTurn()).toMatchObject(thinks)
  })

test('a signature goes to no other model, and a sealed text of another client is passed over', async () => {
  const { output } = await client.responses.create({ ...asked, input: [question] })
  const input = [question, ...given(output), ...outputsOf(output)]
  await client.responses.create({ ...asked, model: 'anthropic/claude-other', input })
  expect(lastTurn()).toMatchObject(isBlind)
  await other.responses.create({ ...asked, input })
  expect(lastTurn()).toMatchObject(isBlind)
  const foreign = {
    type: 'reasoning' as const,
    id: 'rs_1',
    summary: [],
    encrypted_content: 'gAAAAA-of-another-service',
  }
  await client.responses.create({ ...asked, input: [question, foreign, ...given(output), ...outputsOf(output)] })
  expect(lastTurn()).toMatchObject(thinks)
})

test('hidden thinking goes round without a word', async () => {
  const data = 'RXhhbXBsZS1kYXRh'
  const [block, usage] = [
    { type: 'redacted_thinking', data },
    { input_tokens: 1, output_tokens: 1 },
  ]
  service.script({
    body: [
      messageEvent({ type: 'message_start', message: { type: 'message', role: 'assistant', content: [], usage } }),
      messageEvent({ type: 'content_block_start', index: 0, content_block: block }),
      messageEvent({ type: 'content_block_stop', index: 0 }),
      messageEvent({ type: 'content_block_start', index: 1, content_block: { type: 'text', text: 'Yes.' } }),
      messageEvent({ type: 'content_block_stop', index: 1 }),
      messageEvent({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage }),
      messageEvent({ type: 'message_stop' }),
    ],
  })
  const { output } = await client.responses.stream({ ...asked, input: [question] }).finalResponse()
  expect(output).toMatchObject([{ type: 'reasoning', summary: [] }, { type: 'message' }])
  await client.responses.create({ ...asked, input: [question, ...given(output), { role: 'user', content: 'and?' }] })
  expect(lastTurn().answer).toMatchObject([block, { type: 'text', text: 'Yes.' }])
})

test('fields of a chat upstream come back to their own upstream: of the reasoning, of a call, and of the answer', async () => {
  const details = [{ type: 'reasoning.encrypted', data: 'x' }]
  const call = {
    index: 0,
    id: 'call_1',
    type: 'function',
    function: { name: 'weather', arguments: '{}' },
    extra_content: { google: { thought_signature: 's' } },
  }
  const delta = (members: object, finish_reason: string | null = null) =>
    frame({ choices: [{ index: 0, delta: members, finish_reason }] })
  emulator.script({
    body: [
      delta({ role: 'assistant', reasoning: 'Hm.', reasoning_details: details }),
      delta({ tool_calls: [call] }),
      delta({}, 'tool_calls'),
      'data: [DONE]\n\n',
    ],
  })
  const lab = { ...asked, model: 'lab/gpt-test' }
  const { output } = await client.responses.stream({ ...lab, input: [question] }).finalResponse()
  const input = [question, ...given(output), ...outputsOf(output)]
  await client.responses.create({ ...lab, input })
  const { extra_content } = call
  expect(Object(emulator.chats.at(-1)?.messages)[1]).toMatchObject({
    role: 'assistant',
    reasoning: 'Hm.',
    reasoning_details: details,
    tool_calls: [{ id: 'call_1', extra_content }],
  })
  await client.responses.create({ ...lab, model: 'twin/gpt-test', input })
  const foreign = JSON.stringify(emulator.chats.at(-1)?.messages)
  expect(foreign).toContain('Hm.')
  expect(foreign).not.toContain('thought_signature')
  expect(foreign).not.toContain('reasoning_details')
})
