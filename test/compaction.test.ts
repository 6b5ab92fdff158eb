/** A conversation is replaced by a summary, which the client keeps without being able to read it. */
import { afterAll, describe, expect, test } from 'bun:test'
import OpenAI, { APIError } from 'openai'
import { emulateAnthropic } from '../src/providers/anthropic/emulator/index.ts'
import { emulateOpenai, frame } from '../src/providers/openai-compatible/emulator/index.ts'
import { startGateway } from './chaos/gateway.ts'

const emulator = await emulateOpenai()
const service = await emulateAnthropic()
const keys = ['sk-ada-0123456789abcdef', 'sk-bob-0123456789abcdef']
const gateway = startGateway({
  API_MASTER_KEY: keys.join(','),
  UPSTREAM_LAB_URL: emulator.url,
  ANTHROPIC_BASE_URL: service.origin,
  ANTHROPIC_API_KEY: 'any-key',
})
const [client, other] = keys.map((apiKey) => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, maxRetries: 0 }))
if (!client || !other) throw new Error('there is no client')
afterAll(async () => {
  await gateway.close()
  await emulator.close()
  await service.close()
})

const model = 'lab/gpt-test'
const summary = 'Ada wants tea.'
const hello = { role: 'user' as const, content: 'I am Ada. I want tea.' }
const question = { role: 'user' as const, content: 'What do I want?' }
const weather = { type: 'function' as const, name: 'weather', parameters: { type: 'object' }, strict: false }
const trigger = { type: 'compaction_trigger' as const }
const delta = (members: object, finish_reason: string | null = null) =>
  frame({ choices: [{ index: 0, delta: members, finish_reason }] })
const scriptSummary = (text = summary) =>
  emulator.script({
    body: [
      delta({ role: 'assistant', reasoning_content: 'Hm.' }),
      ...(text === '' ? [] : [delta({ content: text })]),
      delta({}, 'stop'),
      'data: [DONE]\n\n',
    ],
  })
const lastMessages = () => emulator.chats.at(-1)?.messages
const told = { role: 'developer', content: expect.stringContaining(summary) }
const errorOf = (asking: Promise<unknown>) =>
  asking.then(() => undefined).catch((thrown: unknown) => (thrown instanceof APIError ? thrown : undefined))

// the SDK has no type for the trigger as an item of a request in all versions
const input = [hello, trigger]
const asked = { model, input, tools: [weather], store: false }

for (const stream of [false, true])
  test(`an item asks for it, and the answer is one item, ${stream ? 'streamed' : 'whole'}`, async () => {
    scriptSummary()
    const { output, status, usage } = stream
      ? await client.responses.stream(asked).finalResponse()
      : await client.responses.create(asked)
    expect([status, output.map(({ type }) => type)]).toEqual(['completed', ['compaction']])
    expect(usage?.total_tokens).toBeGreaterThan(0)
    expect(JSON.stringify(output)).not.toContain(summary)
    expect(lastMessages()).toEqual([hello, { role: 'user', content: expect.stringContaining('summary') }])
    expect(emulator.chats.at(-1)).toMatchObject({ tools: [{ type: 'function' }], tool_choice: 'none' })
    const [item] = output
    if (item?.type !== 'compaction') throw new Error('there is no summary')
    await client.responses.create({ model, input: [item, question] })
    expect(lastMessages()).toEqual([told, question])
  })

test('a route asks for it too', async () => {
  scriptSummary()
  const compacted = await client.responses.compact({ model, input: [hello] })
  expect(compacted).toMatchObject({ object: 'response.compaction', output: [{ type: 'compaction' }] })
  const [item] = compacted.output
  if (item?.type !== 'compaction') throw new Error('there is no summary')
  await client.responses.create({ model, input: [item, question] })
  expect(lastMessages()).toEqual([told, question])
  expect((await client.responses.inputTokens.count({ model, input: [item, question] })).input_tokens).toBeGreaterThan(5)
})

test('a chain of responses goes on from the summary', async () => {
  const first = await client.responses.create({ model, input: [hello] })
  scriptSummary()
  const compacted = await client.responses.create({ model, input: [trigger], previous_response_id: first.id })
  await client.responses.create({ model, input: [question], previous_response_id: compacted.id })
  expect(lastMessages()).toEqual([told, question])
})

test('it is made in the background, and shows that it is alive while nothing can be shown', async () => {
  emulator.script({
    body: [
      ...Array.from({ length: 20 }, () => delta({ content: 'word '.repeat(200) })),
      delta({}, 'stop'),
      'data: [DONE]\n\n',
    ],
  })
  const events = await Array.fromAsync(
    await client.responses.create({ ...asked, store: true, background: true, stream: true }),
  )
  const types = events.map(({ type }) => type)
  expect(types.filter((type) => type === 'response.in_progress').length).toBeGreaterThan(2)
  expect(types.slice(-3)).toEqual(['response.output_item.added', 'response.output_item.done', 'response.completed'])
})

test('Anthropic is asked for it with the tools of the conversation', async () => {
  const call = { type: 'function_call' as const, call_id: 'toolu_1', name: 'weather', arguments: '{}' }
  const result = { type: 'function_call_output' as const, call_id: 'toolu_1', output: 'It is warm.' }
  const { output } = await client.responses.create({
    ...asked,
    model: 'anthropic/claude-test',
    input: [hello, call, result, trigger],
  })
  expect(output.map(({ type }) => type)).toEqual(['compaction'])
  expect(service.chats.at(-1)).toMatchObject({ tools: [{ name: 'weather' }], tool_choice: { type: 'none' } })
})

describe('refused is', () => {
  const foreign = (encrypted_content: string) => ({ type: 'compaction' as const, id: 'cmp_1', encrypted_content })

  test('a summary of another service, and one of another client', async () => {
    scriptSummary()
    const { output } = await client.responses.create(asked)
    const [item] = output
    if (item?.type !== 'compaction') throw new Error('there is no summary')
    expect(await errorOf(other.responses.create({ model, input: [item, question] }))).toMatchObject({ status: 400 })
    const refused = await errorOf(client.responses.create({ model, input: [foreign('gAAAA'), question] }))
    expect(refused).toMatchObject({ status: 400, param: 'input[0].encrypted_content' })
  })

  test('a wish for a summary that is not the last item', async () => {
    const refused = await errorOf(client.responses.create({ model, input: [trigger, hello] }))
    expect(refused).toMatchObject({ status: 400, param: 'input[0]' })
  })

  test('an empty summary: it fails', async () => {
    scriptSummary('')
    expect(await errorOf(client.responses.create(asked))).toMatchObject({ status: 502 })
    scriptSummary('')
    const events = await Array.fromAsync(await client.responses.create({ ...asked, stream: true }))
    expect(events.at(-1)).toMatchObject({ type: 'response.failed', response: { output: [] } })
  })

  test('a summary that is only a call: its failure follows the beginning of the response', async () => {
    emulator.script({
      body: [
        delta({ tool_calls: [{ index: 0, id: 'call_1', function: { name: 'weather', arguments: '{}' } }] }),
        delta({}, 'tool_calls'),
        'data: [DONE]\n\n',
      ],
    })
    const events = await Array.fromAsync(await client.responses.create({ ...asked, stream: true }))
    const seen = events.map(({ type, sequence_number }) => [type, sequence_number])
    expect(seen).toEqual([
      ['response.created', 0],
      ['response.in_progress', 1],
      ['response.failed', 2],
    ])
  })
})
