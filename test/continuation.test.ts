/** An answer that breaks off is continued where it stopped, with the whole program and the official clients. */
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { tenAnswers } from '../src/gateway/continuation/ten-answers.double.ts'
import { emulateAnthropic } from '../src/providers/anthropic/emulator/index.ts'
import { emulateMistral } from '../src/providers/mistral/emulator/index.ts'
import { emulateOpenai } from '../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../src/wire/emulator/script.ts'
import { sseData, sseEvent } from '../src/wire/sse.ts'
import { type Answered, answered } from './chaos/client.ts'
import { startGateway } from './chaos/gateway.ts'
import { until } from './waiting.ts'

const chunk = (delta: object, finish_reason: unknown = null) =>
  sseData(JSON.stringify({ object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] }))
const stop = [chunk({}, 'stop'), sseData('[DONE]')]
const json = { 'content-type': 'application/json' }
/** Without a pause, the reset could arrive before the bytes. */
const broken = { ending: 'rst', endDelayMs: 20 } as const

const pieces = (text: string) => text.match(/[\s\S]{1,9}/gu) ?? []
const deltas = (text: string) => pieces(text).map((content) => chunk({ content }))

interface EmulatedRequest {
  readonly model: string
  readonly messages?: unknown
}

/** What a service is asked to go on with; undefined for a first question. */
function goingOn({ messages }: EmulatedRequest): { said: string; anchor: string } | undefined {
  const sent: readonly { role: string; content?: unknown }[] = Array.isArray(messages) ? messages : []
  const [before = '', last = ''] = sent.slice(-2).map(({ content }) => textIn(content))
  if (sent.at(-1)?.role === 'assistant') return { said: last, anchor: '' }
  if (!last.startsWith('The connection broke off')) return undefined
  return { said: before, anchor: last.slice(last.indexOf('\n\n') + 2) }
}

function textIn(content: unknown): string {
  return Array.isArray(content) ? content.map(({ text }) => text).join('') : String(content)
}

/** What a service writes when it goes on. */
const manners: Readonly<Record<string, (whole: string, said: string, anchor: string) => string>> = {
  exact: (whole, said, anchor) => whole.slice(said.length - anchor.length),
  echo: (whole) => whole,
  polite: (whole, said, anchor) => `Sorry about that! Here is the rest:\n\n${whole.slice(said.length - anchor.length)}`,
  repeats: (whole, said) => whole.slice(Math.max(0, said.length - 200)),
  other: () => 'This is quite another answer, which has nothing to do with the first one. '.repeat(30),
}

/** The texts that a model gives, and whether it breaks off: `ANSWER.CUT.MANNER`, where the first text has CUT percent of the answer. */
function textFor(chat: EmulatedRequest): { text: string; breaks: boolean } | undefined {
  const [name = '', cut = '', manner = 'exact'] = chat.model.split('.')
  const whole = tenAnswers[name]
  if (whole === undefined) return undefined
  const on = goingOn(chat)
  if (!on) return { text: [...whole].slice(0, ([...whole].length * Number(cut)) / 100).join(''), breaks: true }
  const rest = manners[manner.replace('twice', 'exact')]?.(whole, on.said, on.anchor) ?? ''
  // it breaks off again, unless most of the answer is there
  const breaks = manner === 'twice' && on.said.length < whole.length * 0.5
  return { text: breaks ? rest.slice(0, whole.length * 0.5) : rest, breaks }
}

function reply(chat: EmulatedRequest): Script | undefined {
  const found = textFor(chat)
  if (!found) return undefined
  return found.breaks ? { body: deltas(found.text), ...broken } : { body: [...deltas(found.text), ...stop] }
}

/** The same in Anthropic's dialect. */
function replyAsClaude(chat: EmulatedRequest): Script | undefined {
  const found = textFor(chat)
  if (!found) return undefined
  const usage = { input_tokens: 7, output_tokens: 1 }
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: chat.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage,
  }
  const write = (value: { readonly type: string }) => sseEvent(value.type, JSON.stringify(value))
  const begun = [
    write({ type: 'message_start', ...{ message } }),
    write({ type: 'content_block_start', ...{ index: 0, content_block: { type: 'text', text: '' } } }),
    ...pieces(found.text).map((text) =>
      write({ type: 'content_block_delta', ...{ index: 0, delta: { type: 'text_delta', text } } }),
    ),
  ]
  if (found.breaks) return { body: begun, ...broken }
  const delta = { stop_reason: 'end_turn', stop_sequence: null }
  const end = [
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta, usage: { output_tokens: 5 } },
    { type: 'message_stop' },
  ]
  return { body: [...begun, ...end.map(write)] }
}

const lab = await emulateOpenai({ reply })
const listed = ['prose.50', 'chinese.50'].map((id) => ({ id, object: 'model', owned_by: 'vllm' }))
const listing = { body: [JSON.stringify({ object: 'list', data: listed })], headers: json }
const vllm = await emulateOpenai({ reply, listing })
const mistral = await emulateMistral({ reply })
const claude = await emulateAnthropic({ reply: replyAsClaude })
/** It breaks off, and then it is down. */
const dying = await emulateOpenai({ reply: (chat) => (goingOn(chat) ? { status: 503, body: ['{}'] } : reply(chat)) })
const spare = await emulateOpenai({ reply })
const gateway = startGateway({
  UPSTREAM_LAB_URL: lab.url,
  UPSTREAM_VLLM_URL: vllm.url,
  MISTRAL_TOKEN: 'any-token',
  MISTRAL_BASE_URL: mistral.origin,
  ANTHROPIC_BASE_URL: claude.origin,
  ANTHROPIC_API_KEY: 'any-key',
  UPSTREAM_DYING_URL: dying.url,
  UPSTREAM_DYING_MODELS: 'list.50',
  UPSTREAM_SPARE_URL: spare.url,
  UPSTREAM_SPARE_MODELS: 'list.50',
  ROUTES: [
    'chain = dying/list.50 > spare/list.50',
    'once = lab/prose.50 @ nocontinue',
    'agent = lab/prose.50 @ continue',
    'both = lab/prose.50 + lab/chinese.50',
  ].join(';'),
})
const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'unused', maxRetries: 0 })
const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: 'unused', maxRetries: 0 })
afterAll(async () => {
  await gateway.close()
  for (const emulator of [lab, vllm, mistral, claude, dying, spare]) await emulator.close()
})

/** Each test spends up to two retries, and an upstream gets ten a second. */
beforeEach(() => Bun.sleep(200))

const messages = [{ role: 'user' as const, content: 'Hello' }]

async function ask(model: string, more: object = {}): Promise<Answered> {
  const body = JSON.stringify({ model, stream: true, messages, ...more })
  const response = await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', headers: json, body })
  return answered(response, await response.text())
}

function outcome({ text, errors, chunks, dones, body }: Answered) {
  const finishes = chunks.flatMap(({ choices }) => choices?.[0]?.finish_reason ?? [])
  return { text, errors, finishes, dones, seams: [...body.matchAll(/^: (continued .*)$/gm)].map(([, seam]) => seam) }
}

const whole = (name: string, ...seams: readonly string[]) => ({
  text: tenAnswers[name] ?? '',
  errors: [],
  finishes: ['stop'],
  dones: 1,
  seams: seams.map((seam) => `continued by ${seam} after upstream_disconnected`),
})

describe('an answer is continued where it broke off', () => {
  for (const name of Object.keys(tenAnswers))
    test(name, async () => {
      const cuts = name === 'repeated' ? [66] : [33, 66]
      for (const cut of cuts) expect(outcome(await ask(`lab/${name}.${cut}`))).toEqual(whole(name, 'lab'))
    })

  for (const manner of ['polite', 'repeats', 'echo'])
    test(`by a model that ${manner}`, async () => {
      expect(outcome(await ask(`lab/code.66.${manner}`))).toEqual(whole('code', 'lab'))
    })

  test('twice', async () => {
    expect(outcome(await ask('lab/prose.25.twice'))).toEqual(whole('prose', 'lab', 'lab'))
  })

  test('after its upstream has died, by the next one of its route', async () => {
    const found = outcome(await ask('chain'))
    expect(found).toEqual({ ...whole('list'), seams: ['continued by spare after upstream_disconnected of dying'] })
  })

  test('in each column of a panel', async () => {
    const { text, errors, seams } = outcome(await ask('both'))
    expect({ errors, seams: seams.length }).toEqual({ errors: [], seams: 2 })
    for (const name of ['prose', 'chinese']) expect(text).toContain(tenAnswers[name] ?? 'missing')
  })
})

describe('a native prefix', () => {
  test('is used at vLLM', async () => {
    expect(outcome(await ask('vllm/chinese.50'))).toEqual(whole('chinese', 'vllm'))
    const { messages: sent, continue_final_message, add_generation_prompt } = vllm.chats.at(-1) ?? {}
    expect({ continue_final_message, add_generation_prompt }).toEqual({
      continue_final_message: true,
      add_generation_prompt: false,
    })
    expect(sent).toEqual([...messages, { role: 'assistant', content: expect.any(String) }])
  })

  test('is used at Mistral, which repeats it', async () => {
    expect(outcome(await ask('mistral/prose.50.echo'))).toEqual(whole('prose', 'mistral'))
    expect(mistral.chats.at(-1)?.messages).toEqual([
      ...messages,
      { role: 'assistant', content: expect.any(String), prefix: true },
    ])
  })

  test('is not used at Anthropic, which refuses it', async () => {
    expect(outcome(await ask('anthropic/prose.50'))).toEqual(whole('prose', 'anthropic'))
    expect(claude.chats.at(-1)?.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
  })
})

test('what was sent before stays as it was, so that a prompt cache is used', async () => {
  await ask('lab/prose.50', { temperature: 0.5, messages: [{ role: 'system', content: 'Be brief.' }, ...messages] })
  const [first, second] = lab.chats.slice(-2)
  const { messages: before, ...others } = first ?? {}
  const { messages: after = [], ...othersAfter } = second ?? {}
  expect(othersAfter).toEqual(others)
  expect(after).toMatchObject([...(Array.isArray(before) ? before : []), { role: 'assistant' }, { role: 'user' }])
})

describe('the official clients see one answer', () => {
  test('OpenAI, Chat Completions', async () => {
    const stream = openai.chat.completions.stream({
      model: 'lab/prose.50',
      messages,
      stream_options: { include_usage: true },
    })
    const { choices, usage } = await stream.finalChatCompletion()
    expect(choices.map(({ message, finish_reason }) => [message.content, finish_reason])).toEqual([
      [tenAnswers.prose ?? '', 'stop'],
    ])
    // both requests were paid for
    expect(usage?.prompt_tokens).toBeGreaterThan(usage?.completion_tokens ?? 0)
  })

  test('OpenAI, Responses', async () => {
    const stream = openai.responses.stream({ model: 'lab/prose.50', input: 'Hello' })
    const types: string[] = []
    for await (const { type } of stream) if (types.at(-1) !== type) types.push(type)
    expect((await stream.finalResponse()).output_text).toBe(tenAnswers.prose ?? '')
    expect(types.filter((type) => type.endsWith('added'))).toEqual([
      'response.output_item.added',
      'response.content_part.added',
    ])
    expect(types.at(-1)).toBe('response.completed')
  })

  for (const model of ['lab/prose.50', 'anthropic/prose.50'])
    test(`Anthropic, Messages, of ${model}`, async () => {
      const message = await anthropic.messages.stream({ model, max_tokens: 9_999, messages }).finalMessage()
      expect(message.content).toMatchObject([{ type: 'text', text: tenAnswers.prose }])
      expect(message.stop_reason).toBe('end_turn')
    })

  test('with a JSON answer, whose header says so', async () => {
    const { data, response } = await anthropic.messages
      .create({ model: 'lab/prose.50', max_tokens: 9_999, messages })
      .withResponse()
    expect(data.content).toMatchObject([{ type: 'text', text: tenAnswers.prose }])
    expect(response.headers.get('x-tributary-continued')).toBe('1')
    const uncut = await anthropic.messages.create({ model: 'lab/gpt-test', max_tokens: 9, messages }).withResponse()
    expect(uncut.response.headers.has('x-tributary-continued')).toBe(false)
  })

  test('of a background response that is read again', async () => {
    const created = await openai.responses.create({
      model: 'lab/prose.50',
      input: 'Hello',
      background: true,
      stream: true,
      store: true,
    })
    const numbers: number[] = []
    let text = ''
    for await (const event of created) {
      numbers.push(event.sequence_number)
      if (event.type === 'response.output_text.delta') text += event.delta
    }
    expect(text).toBe(tenAnswers.prose ?? '')
    expect(numbers).toEqual([...numbers.keys()])
  })
})

test('the chat server states the seam', async () => {
  const body = { session_id: 's', content: 'Hello', model_config: { model_name: 'lab/prose.50', use_tools: false } }
  const response = await fetch(`${gateway.url}/api/chat/stream`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify(body),
  })
  const got = await response.text()
  expect(got).toContain('\n: continued by lab after upstream_disconnected\n')
  expect(got).toContain(JSON.stringify(tenAnswers.prose))
})

test('the log line names the seam', async () => {
  await ask('lab/prose.50')
  const line = gateway.lines.map((one) => JSON.parse(one)).findLast(({ model }) => model === 'lab/prose.50')
  expect(line).toMatchObject({
    outcome: 'ok',
    attempts: 2,
    continued: ['continued by lab after upstream_disconnected'],
  })
})

describe('an answer that is not continued ends with its own error', () => {
  const ends = async (model: string, more: object = {}) => {
    const before = lab.chats.length
    const { errors, dones, finishes, seams } = outcome(await ask(model, more))
    expect({ errors, dones, finishes, seams }).toEqual({
      errors: ['upstream_disconnected'],
      dones: 0,
      finishes: [],
      seams: [],
    })
    return lab.chats.length - before
  }
  const tools = [{ type: 'function', function: { name: 'clock', parameters: { type: 'object', properties: {} } } }]

  test('if the new answer does not go on', async () => {
    expect(await ends('lab/prose.50.other')).toBe(2)
  })

  test('if too little was said', async () => {
    expect(await ends('lab/prose.1')).toBe(1)
  })

  test('if the client or the route does not want it', async () => {
    expect(await ends('lab/prose.50', { tributary: { continue: false } })).toBe(1)
    expect(await ends('once')).toBe(1)
  })

  test('if it has tools, unless the client or the route wants it', async () => {
    expect(await ends('lab/prose.50', { tools })).toBe(1)
    expect(outcome(await ask('lab/prose.50', { tools, tributary: { continue: true } }))).toEqual(whole('prose', 'lab'))
    expect(outcome(await ask('agent', { tools }))).toEqual(whole('prose', 'lab'))
  })

  test('if it must be JSON, or has several choices', async () => {
    expect(await ends('lab/prose.50', { response_format: { type: 'json_object' } })).toBe(1)
    expect(await ends('lab/prose.50', { logprobs: true })).toBe(1)
  })
})

test('an answer that has reached its limit of length ends there', async () => {
  const { finishes, errors, seams } = outcome(await ask('lab/prose.50', { max_tokens: 20 }))
  expect({ finishes, errors, seams }).toEqual({ finishes: ['length'], errors: [], seams: [] })
})

test('a client that leaves while the gateway asks again frees the second upstream', async () => {
  const silent: Script = { body: [chunk({ role: 'assistant' })], ending: 'stall' }
  lab.script({ body: deltas(tenAnswers.prose?.slice(0, 300) ?? ''), ...broken }, silent)
  const [asked, closed] = [lab.chats.length, lab.closedAt.length]
  const leaving = new AbortController()
  const body = JSON.stringify({ model: 'lab/any', stream: true, messages })
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: json,
    body,
    signal: leaving.signal,
  })
  const reader = response.body?.getReader()
  await reader?.read()
  await until(() => lab.chats.length === asked + 2, 5_000, 'the second request')
  leaving.abort()
  await until(() => lab.closedAt.length >= closed + 2, 5_000, 'the end of both connections')
  expect(lab.chats.length).toBe(asked + 2)
})
