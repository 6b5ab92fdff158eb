import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { anyAnswer } from '../../../test/any-answer.ts'
import { runs } from '../../../test/sizes.ts'
import { ChatError, type ChatErrorOptions, type Reason } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { type Fields, withOrigin } from '../../chat/message.ts'
import { Fold } from '../../flow/fold.ts'
import { SseDecoder } from '../../wire/sse.ts'
import { isFields } from '../fields.ts'
import { answerSupport } from './answer-support.ts'
import { decodeRequest } from './decode-request.ts'
import { responseCancelled } from './encode-error.ts'
import { ResponseStream, type ResponseStreamOptions } from './encode-stream.ts'
import { ItemMaker, itemsOf } from './items.ts'
import { encodeResponse } from './response-object.ts'
import type { EndedResponse } from './response-writer.ts'
import type { ContentSealer } from './sealed-extra.ts'
import { ToolNames } from './tool-names.ts'

const body = { model: 'some/model', temperature: 0.5 }
const head = { id: 'resp_r1', created: 5, body }

/** Two tools: a function in a namespace, and one that takes a text. */
function toolNames(): ToolNames {
  const names = new ToolNames()
  names.add({ kind: 'function', name: 'first' })
  names.add({ kind: 'custom', name: 'second' })
  return names
}

interface TestStream extends Partial<ResponseStreamOptions> {
  readonly kept?: EndedResponse[]
}

function newStream({ kept = [], ...options }: TestStream = {}) {
  return new ResponseStream({
    ...head,
    names: toolNames(),
    now: () => 9,
    keep: (ended) => void kept.push(ended),
    ...options,
  })
}

/** Writes a whole stream. @returns the values of its events; the last event of the wire must be `[DONE]` */
function streamed(events: readonly ChatEvent[], stream = newStream()): readonly Fields[] {
  const written = events.map((event) => stream.event(event)).join('')
  void stream.kept()
  return valuesOf(written + stream.end())
}

function valuesOf(text: string): readonly Fields[] {
  const decoder = new SseDecoder()
  const frames = [...(decoder.push(Buffer.from(text)) ?? []), ...(decoder.end() ?? [])]
  expect(frames.pop()).toEqual({ data: '[DONE]' })
  return frames.map(({ event, data }, at) => {
    const value = JSON.parse(data)
    expect([value.type, value.sequence_number]).toEqual([event, at])
    return value
  })
}

type Item = Record<string, unknown>

/** Hides nothing, so that a test can read what would be sealed. */
const plainSealer: ContentSealer = {
  seal: (kind, text) => `${kind}:${text}`,
  open: (kind, sealed) => (sealed.startsWith(`${kind}:`) ? sealed.slice(kind.length + 1) : undefined),
}

function demand(isSo: boolean, rule: string): void {
  if (!isSo) throw new Error(rule)
}

/** Checks the first and the last events. @returns those between them, without signs of life */
function withoutFrame(values: readonly Fields[]): readonly Fields[] {
  const types = values.map(({ type }) => type)
  const isQueued = types[1] === 'response.queued'
  demand(types[0] === 'response.created', 'it begins')
  demand(types[isQueued ? 2 : 1] === 'response.in_progress', 'then a model works on it')
  const ends = ['response.completed', 'response.incomplete', 'response.failed']
  demand(types.filter((type) => ends.includes(String(type))).length === 1, 'it has one end')
  demand(ends.includes(String(types.at(-1))), 'the end is the last event')
  const ids = values.flatMap(({ response }) => (isFields(response) ? [response.id] : []))
  demand(new Set(ids).size === 1, 'its id stays the same')
  return values.slice(isQueued ? 3 : 2, -1).filter(({ type }) => type !== 'response.in_progress')
}

/** Applies the order rules of a response's stream, which its clients rely on. @returns the items that its deltas make */
function readStrictly(values: readonly Fields[]) {
  const done: Item[] = []
  let open: Item | undefined
  let grown = ''
  let hasPart = false
  /** Ends that must come before that of the item: of its text or arguments, and of its parts. */
  const owed = new Set<string>()
  const isOpen = (value: Fields) => open?.id === value.item_id && value.output_index === done.length
  for (const value of withoutFrame(values)) {
    const type = String(value.type)
    if (type === 'response.output_item.added') {
      demand(!open && value.output_index === done.length && isFields(value.item), 'items are added one by one')
      open = isFields(value.item) ? { ...value.item } : undefined
      grown = ''
      hasPart = open?.type !== 'message' && open?.type !== 'reasoning'
      if (open?.type === 'function_call' || open?.type === 'custom_tool_call') owed.add('text')
    } else if (type.endsWith('part.added')) {
      demand(isOpen(value) && !(hasPart && grown !== ''), 'a part is added to the open item')
      demand(owed.size === 0, 'the part before has ended')
      owed.add('text').add('part')
      hasPart = true
      grown = ''
    } else if (type.endsWith('.delta')) {
      demand(isOpen(value) && hasPart, 'a delta grows the open part')
      demand(type !== 'response.output_text.delta' || Array.isArray(value.logprobs), 'a text has a list of logprobs')
      grown += value.delta
    } else if (type === 'response.output_item.done') {
      demand(open !== undefined && value.output_index === done.length && isFields(value.item), 'the open item is done')
      demand(isFields(value.item) && value.item.id === open?.id, 'an item keeps its id')
      demand(owed.size === 0, 'the texts, arguments and parts of an item end before it')
      if (isFields(value.item)) done.push(value.item)
      open = undefined
    } else {
      demand(isOpen(value), 'an end belongs to the open item')
      const whole = value.text ?? value.arguments ?? value.input ?? value.refusal
      if (whole !== undefined) demand(whole === grown, 'a done event has what its deltas had')
      demand(owed.delete(type.endsWith('part.done') ? 'part' : 'text'), 'nothing ends twice')
      demand(!owed.has('text') || !type.endsWith('part.done'), 'a text ends before its part')
      if (type.endsWith('part.done')) grown = ''
    }
  }
  const last = values.at(-1)
  const response = isFields(last?.response) ? last.response : {}
  checkOutput(response, done, open)
  return { last, response, output: done }
}

/** The response has every item that is done; if it has failed, also the one that was open. */
function checkOutput({ output, status }: Fields, done: readonly Item[], open: Item | undefined): void {
  const items: readonly Item[] = Array.isArray(output) ? output : []
  expect(items.slice(0, done.length)).toEqual([...done])
  const others = items.slice(done.length)
  demand(others.length === (open ? 1 : 0) && others[0]?.id === open?.id, 'nothing else is in the response')
  demand(!open || status === 'failed' || status === 'cancelled', 'only a failure leaves an item open')
  const cut = items.findIndex((item) => item.status === 'incomplete')
  demand(cut === -1 || cut === items.length - 1, 'an incomplete item is the last one')
  demand(cut === -1 || status !== 'completed', 'a complete response has complete items')
}

/** The items of the same answer when it is sent whole. Only the ids are numbered in another order. */
function whole(events: readonly ChatEvent[]): readonly Fields[] {
  const fold = new Fold({ maxCharacters: 1_000_000 })
  for (const event of events) fold.add(event)
  return shownOf(itemsOf({ parts: [], ...fold.choices[0] }, new ItemMaker({ id: 'r1', names: toolNames() })))
}

function shownOf(made: ReturnType<typeof itemsOf>): readonly Fields[] {
  return made.flatMap(({ shown }) => (shown ? [shown] : []))
}

test('any answer keeps the order rules, and says the same as a stream and whole', () => {
  fc.assert(
    fc.property(anyAnswer(), (events) => {
      const { output, last } = readStrictly(streamed(events))
      expect<unknown>(output.map(joined)).toEqual(whole(events).map(joined))
      expect(last?.type).toBe('response.completed')
    }),
    { numRuns: runs(300) },
  )
})

const endings = ['stop', 'length', 'content-filter', 'failure', 'cancel'] as const

test('any answer keeps the order rules however it ends, in the background and with signs of life', () => {
  const origin = { upstream: 'a', model: 'm' }
  const signed = (signature: string) => withOrigin({ theirs: { signature } }, origin)
  const setting = fc.record({
    ending: fc.constantFrom(...endings),
    cutAt: fc.nat(40),
    signAt: fc.nat(40),
    isQueued: fc.boolean(),
    sealer: fc.constantFrom(undefined, plainSealer),
    showsSealed: fc.boolean(),
  })
  fc.assert(
    fc.property(anyAnswer(signed, signed), setting, (events, { ending, cutAt, signAt, isQueued, ...sealing }) => {
      const kept: EndedResponse[] = []
      const stream = newStream({ kept, ...sealing })
      let written = isQueued ? stream.queue() : ''
      // what is only counted is no event
      expect(stream.event({ type: 'usage', choice: 0, usage: { source: 'upstream' } })).toBe('')
      const isCut = ending === 'failure' || ending === 'cancel'
      const shown = isCut ? events.slice(0, Math.min(cutAt, events.length - 1)) : events
      for (const [at, event] of shown.entries()) {
        if (at === signAt) written += stream.keepAlive
        written += stream.event(
          event.type === 'finish' && !isCut ? { ...event, reason: reasonOf(ending), extra: signed('end') } : event,
        )
      }
      const error =
        ending === 'cancel' ? responseCancelled() : new ChatError('upstream-failed', { message: 'It failed.' })
      void stream.kept(isCut ? error : undefined)
      const { response } = readStrictly(valuesOf(written + (isCut ? stream.error(error) : stream.end())))
      expect(response.status).toBe(
        {
          stop: 'completed',
          length: 'incomplete',
          'content-filter': 'incomplete',
          failure: 'failed',
          cancel: 'cancelled',
        }[ending],
      )
      // nothing is kept of a response that the client has not seen
      expect<unknown>(kept.map((ended) => ended.response)).toEqual(isCut && written === '' ? [] : [response])
    }),
    { numRuns: runs(300) },
  )
})

function reasonOf(ending: (typeof endings)[number]): 'stop' | 'length' | 'content-filter' {
  return ending === 'length' || ending === 'content-filter' ? ending : 'stop'
}

/** A message whose neighbouring contents of one kind are one, because only a stream knows where a text ended. */
function joined(item: Fields): Fields {
  if (!Array.isArray(item.content)) return item
  const content: Fields[] = []
  for (const part of item.content) {
    const before = content.at(-1)
    if (before?.type === part.type && 'text' in part)
      content[content.length - 1] = { ...before, text: `${before?.text}${part.text}` }
    else if (before?.type === part.type)
      content[content.length - 1] = { ...before, refusal: `${before?.refusal}${part.refusal}` }
    else content.push(part)
  }
  return { ...item, content }
}

const text = (words: string, part = 0): ChatEvent => ({ type: 'text', choice: 0, part, text: words })
const finish = (reason: 'stop' | 'length' | 'content-filter' = 'stop'): ChatEvent => ({
  type: 'finish',
  choice: 0,
  reason,
})
const call = (name: string, json: string): readonly ChatEvent[] => [
  { type: 'tool-call', choice: 0, part: 0, id: 'call_1', name },
  { type: 'tool-arguments', choice: 0, part: 0, json },
  { type: 'part-end', choice: 0, part: 0 },
  finish(),
]

describe('a stream', () => {
  test('ends with the whole response, which is kept', () => {
    const kept: EndedResponse[] = []
    const usage = {
      inputTokens: 100,
      cachedInputTokens: 60,
      outputTokens: 7,
      reasoningTokens: 2,
      source: 'upstream',
    } as const
    const values = streamed([text('hi'), finish(), { type: 'usage', choice: 0, usage }], newStream({ kept }))
    expect<unknown>(kept.map(({ response }) => response)).toEqual([values.at(-1)?.response])
    expect(kept[0]?.response).toMatchObject({
      id: 'resp_r1',
      status: 'completed',
      created_at: 5,
      completed_at: 9,
      model: 'some/model',
      temperature: 0.5,
      usage: {
        input_tokens: 100,
        input_tokens_details: { cached_tokens: 60 },
        output_tokens: 7,
        output_tokens_details: { reasoning_tokens: 2 },
        total_tokens: 107,
      },
    })
  })

  test('names annotations as lost, because it does not write them', () => {
    const cited = { ...text('hi'), annotations: [{ url: 'https://example.com/source' }] }
    const isWritten = JSON.stringify(streamed([cited, finish()])).includes('https://example.com/source')
    expect(answerSupport.members.has('annotations')).toBe(isWritten)
  })

  test('repeats no secret of an MCP server', () => {
    const tools = [{ type: 'mcp', server_label: 'x', authorization: 'tok', headers: { a: 'tok' } }]
    const response = encodeResponse({ id: 'resp_1', created: 1, body: { tools } }, { status: 'failed', output: [] })
    expect(response.tools).toEqual([{ type: 'mcp', server_label: 'x' }])
  })

  test('has a last message that is not complete if the answer is not, also when it is sent whole', () => {
    const events = [text('hi'), finish('length')]
    const { output } = Object(streamed(events).at(-1)?.response)
    expect(output).toMatchObject([{ type: 'message', status: 'incomplete' }])
    const parts = [{ type: 'text', text: 'hi' }] as const
    const made = itemsOf({ parts, status: 'incomplete' }, new ItemMaker({ id: 'r1', names: toolNames() }))
    expect(shownOf(made)).toEqual(output)
  })

  test('is incomplete for an answer that was cut by a limit or a filter', () => {
    const endOf = (reason: 'length' | 'content-filter') => streamed([text('hi'), finish(reason)]).at(-1)
    expect(endOf('length')).toMatchObject({
      type: 'response.incomplete',
      response: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
    })
    expect(endOf('content-filter')).toMatchObject({ response: { incomplete_details: { reason: 'content_filter' } } })
  })

  test('shows that it is alive by an event, also before the first one', () => {
    const stream = newStream()
    const types = [...stream.keepAlive.matchAll(/"type":"(response\.[^"]+)","sequence_number":(\d)/g)].map(
      ([, type, at]) => [type, at],
    )
    expect(types).toEqual([
      ['response.created', '0'],
      ['response.in_progress', '1'],
    ])
    expect(stream.keepAlive).toContain('"response.in_progress","sequence_number":2')
    expect(stream.event(text('hi'))).toContain('"sequence_number":3')
  })

  for (const [json, input] of [
    ['{"input":"*** Begin Patch"}', '*** Begin Patch'],
    ['{"patch":"*** Begin Patch"}', '*** Begin Patch'],
    ['{"command":["apply_patch","*** Begin Patch"]}', '*** Begin Patch'],
    ['"*** Begin Patch"', '*** Begin Patch'],
    ['*** Begin Patch', '*** Begin Patch'],
    ['{"input":""}', ''],
  ] as const)
    test(`calls a tool that takes a text with the text of ${json}`, () => {
      const { output } = readStrictly(streamed(call('second', json)))
      expect(output).toMatchObject([{ type: 'custom_tool_call', name: 'second', call_id: 'call_1', input }])
    })

  test('calls a tool of a namespace, and one that searches for tools', () => {
    const names = new ToolNames()
    const flat = names.add({ kind: 'function', name: 'close', namespace: 'agents' })
    names.add({ kind: 'tool_search', name: 'tool_search' })
    const outputOf = (name: string, json: string) =>
      readStrictly(streamed(call(name, json), newStream({ names }))).output
    expect(flat).toBe('agents__close')
    expect(outputOf(flat, '{}')).toMatchObject([{ type: 'function_call', name: 'close', namespace: 'agents' }])
    expect(outputOf('tool_search', '{"query":"x"}')).toMatchObject([
      { type: 'tool_search_call', execution: 'client', arguments: { query: 'x' } },
    ])
  })
})

describe('a stream that failed', () => {
  for (const [reason, options, code] of [
    ['upstream-failed', {}, 'server_error'],
    ['overloaded', {}, 'server_error'],
    ['challenged', {}, 'invalid_prompt'],
    ['content-filtered', {}, 'invalid_prompt'],
    ['quota-exhausted', {}, 'insufficient_quota'],
    ['invalid-request', { code: 'context_length_exceeded' }, 'context_length_exceeded'],
    ['rate-limited', { retryAfterMs: 7_000 }, 'rate_limit_exceeded'],
  ] as const satisfies readonly (readonly [Reason, Partial<ChatErrorOptions>, string])[])
    test(`by ${reason} is a failed response with ${code}`, () => {
      const stream = newStream()
      const written =
        stream.event(text('hi')) + stream.error(new ChatError(reason, { message: 'It failed.', ...options }))
      const last = valuesOf(written).at(-1)
      expect(last).toMatchObject({ type: 'response.failed', response: { status: 'failed', error: { code } } })
      const message = JSON.stringify(last)
      expect(message).toContain('It failed.')
      expect(message.includes('try again in 7s')).toBe(reason === 'rate-limited')
    })
})

describe('what an upstream wants back', () => {
  const origin = { upstream: 'a', model: 'm' }
  const bound = (fields: Fields) => withOrigin({ theirs: fields }, origin)
  const sealer = plainSealer
  const signed = bound({ signature: 's1' })
  const events: readonly ChatEvent[] = [
    { type: 'reasoning', choice: 0, part: 0, text: 'Hm.' },
    { type: 'part-end', choice: 0, part: 0, extra: signed },
    { type: 'reasoning', choice: 0, part: 1, text: '', extra: bound({ redacted: 'r' }) },
    { type: 'part-end', choice: 0, part: 1 },
    { type: 'tool-call', choice: 0, part: 2, id: 'call_1', name: 'first', extra: bound({ thought: 't' }) },
    { type: 'tool-arguments', choice: 0, part: 2, json: '{}' },
    { type: 'part-end', choice: 0, part: 2 },
    { type: 'finish', choice: 0, reason: 'tool-calls', extra: bound({ details: ['d'] }) },
  ]
  const partsOf = (input: readonly unknown[]) =>
    decodeRequest({ model: 'm', input: [{ role: 'user', content: 'hi' }, ...input] }, { sealer }).request.messages[1]
  const said = {
    role: 'assistant',
    content: [
      { type: 'reasoning', text: 'Hm.', extra: signed },
      { type: 'reasoning', text: '', extra: bound({ redacted: 'r' }) },
      { type: 'tool-call', id: 'call_1', name: 'first', arguments: '{}', extra: bound({ thought: 't' }) },
    ],
    extra: bound({ details: ['d'] }),
  }

  test('goes to a client that wants it, and comes back as it was, streamed and whole', () => {
    const { output } = readStrictly(streamed(events, newStream({ sealer, showsSealed: true })))
    expect(output.map(({ type }) => type)).toEqual(['reasoning', 'reasoning', 'function_call', 'reasoning'])
    expect<unknown>(partsOf(output)).toEqual(said)
    const fold = new Fold({ maxCharacters: 1_000_000 })
    for (const event of events) fold.add(event)
    const items = new ItemMaker({ id: 'r1', names: toolNames(), sealer, showsSealed: true })
    expect<unknown>(shownOf(itemsOf({ parts: [], ...fold.choices[0] }, items))).toEqual(output)
  })

  test('is only kept for a client that does not want it', () => {
    const kept: EndedResponse[] = []
    const { output } = readStrictly(streamed(events, newStream({ kept, sealer })))
    expect(output).toMatchObject([{ type: 'reasoning' }, { type: 'function_call' }])
    expect(JSON.stringify(output)).not.toContain('encrypted_content')
    expect<unknown>(partsOf(kept[0]?.items ?? [])).toEqual(said)
  })

  test('is not sealed without its origin, and a foreign text is passed over', () => {
    const free: ChatEvent = {
      type: 'reasoning',
      choice: 0,
      part: 0,
      text: 'Hm.',
      extra: { theirs: { signature: 's' } },
    }
    const { output } = readStrictly(streamed([free, finish()], newStream({ sealer, showsSealed: true })))
    expect(JSON.stringify(output)).not.toContain('encrypted_content')
    const thought = (encrypted_content: unknown) => ({ type: 'reasoning', summary: [], encrypted_content })
    for (const foreign of [
      'gAAAA',
      'compaction:{"part":{"theirs":{}}}',
      'reasoning:5',
      'reasoning:{"part":5}',
      7,
      null,
    ])
      expect(partsOf([thought(foreign), { role: 'user', content: 'and?' }])?.role).toBe('user')
  })
})
