/** What becomes of answers that are not complete, and of what cannot be sent on, in the Responses API. */
import { afterAll, describe, expect, test } from 'bun:test'
import OpenAI from 'openai'
import { emulateOpenai, frame } from '../src/providers/openai-compatible/emulator/index.ts'
import { startGateway } from './chaos/gateway.ts'

const emulator = await emulateOpenai()
const gateway = startGateway({ UPSTREAM_LAB_URL: emulator.url })
const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'unused', maxRetries: 0 })
afterAll(async () => {
  await gateway.close()
  await emulator.close()
})

const model = 'lab/gpt-test'
const hello = { model, input: 'Hello there' }
const delta = (members: object, finish_reason: string | null = null) =>
  frame({ choices: [{ index: 0, delta: members, finish_reason }] })
const done = 'data: [DONE]\n\n'
const called = (index: number, id: string, json: string) =>
  delta({ tool_calls: [{ index, id, type: 'function', function: { name: 'weather', arguments: json } }] })
const lastMessages = () => emulator.chats.at(-1)?.messages
const goOn = (id: string) => client.responses.create({ model, input: 'and?', previous_response_id: id })

async function failedStream(body: readonly string[]) {
  emulator.script({ body, ending: 'rst', endDelayMs: 20 })
  const events = await Array.fromAsync(await client.responses.create({ ...hello, stream: true }))
  const last = events.at(-1)
  if (last?.type !== 'response.failed') throw new Error('it did not fail')
  return { response: last.response, events }
}

describe('a response that failed', () => {
  test('is kept with the text that there was, and may be continued', async () => {
    const { response } = await failedStream([delta({ role: 'assistant', content: 'Hel' })])
    expect(response).toMatchObject({ status: 'failed', output: [{ type: 'message', status: 'incomplete' }] })
    const kept = await client.responses.retrieve(response.id)
    expect(kept).toMatchObject({ status: 'failed', error: { code: 'server_error' }, output: response.output })
    expect(kept.output_text).toBe('Hel')
    await goOn(response.id)
    expect(lastMessages()).toMatchObject([{ content: 'Hello there' }, { role: 'assistant', content: 'Hel' }, {}])
  })

  test('has no call that is done, if the call was cut', async () => {
    const { response, events } = await failedStream([called(0, 'call_1', '{"city":')])
    expect(response.output).toMatchObject([{ type: 'function_call', status: 'incomplete', arguments: '{"city":' }])
    expect(events.map(({ type }) => type)).not.toContain('response.output_item.done')
  })
})

for (const stream of [false, true])
  describe(`an answer at the limit of its length, ${stream ? 'streamed' : 'whole'},`, () => {
    const ask = () => (stream ? client.responses.stream(hello).finalResponse() : client.responses.create(hello))

    test('is an incomplete response, whose call is incomplete, and is kept', async () => {
      const body = [
        delta({ role: 'assistant', content: 'I call.' }),
        called(0, 'call_1', '{"city":'),
        delta({}, 'length'),
        done,
      ]
      emulator.script({ body })
      const response = await ask()
      expect(response).toMatchObject({
        status: 'incomplete',
        incomplete_details: { reason: 'max_output_tokens' },
        output: [
          { type: 'message', status: 'completed' },
          { type: 'function_call', status: 'incomplete' },
        ],
      })
      expect((await client.responses.retrieve(response.id)).status).toBe('incomplete')
      await goOn(response.id)
      expect(lastMessages()).toMatchObject([{}, { role: 'assistant' }, { role: 'tool', tool_call_id: 'call_1' }, {}])
    })

    test('has complete calls before the last one', async () => {
      emulator.script({ body: [called(0, 'call_1', '{}'), called(1, 'call_2', '{"'), delta({}, 'length'), done] })
      expect((await ask()).output).toMatchObject([{ status: 'completed' }, { status: 'incomplete' }])
    })
  })

test('two calls of one turn with the same id keep their outputs', async () => {
  const call = (name: string) => ({ type: 'function_call' as const, call_id: 'same', name, arguments: '{}' })
  const output = (text: string) => ({ type: 'function_call_output' as const, call_id: 'same', output: text })
  await client.responses.create({
    model,
    input: [{ role: 'user', content: 'hi' }, call('one'), call('two'), output('first'), output('second')],
  })
  expect(lastMessages()).toMatchObject([
    { role: 'user' },
    { role: 'assistant', tool_calls: [{ id: 'same' }, { id: 'same_2' }] },
    { role: 'tool', tool_call_id: 'same', content: 'first' },
    { role: 'tool', tool_call_id: 'same_2', content: 'second' },
  ])
})

test('the receipt names documents and tools that are not sent', async () => {
  const content = [
    { type: 'input_text' as const, text: 'Read it.' },
    { type: 'input_file' as const, file_url: 'https://example.com/paper.pdf' },
    { type: 'input_image' as const, file_id: 'file-1', detail: 'auto' as const },
  ]
  const tools = [{ type: 'web_search' as const }]
  const { response } = await client.responses
    .create({ model, input: [{ role: 'user', content }], tools })
    .withResponse()
  expect(response.headers.get('x-tributary-lost')?.split(', ').sort()).toEqual(['input_file', 'input_image'])
  const parameters = response.headers.get('x-tributary-parameters')?.split(', ')
  expect(parameters).toEqual(
    expect.arrayContaining(['tools.web_search=dropped', 'input.input_file=dropped', 'input.input_image=dropped']),
  )
})
