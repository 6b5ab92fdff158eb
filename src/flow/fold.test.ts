import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { ChatError } from '../chat/error.ts'
import type { ChatEvent, Native } from '../chat/event.ts'
import { PartWriter } from '../chat/part-writer.ts'
import { readyFlow, scriptedFlow } from './flow.double.ts'
import type { Flow } from './flow.ts'
import { Fold, fold } from './fold.ts'

function of(events: readonly ChatEvent[]): Flow {
  return readyFlow(...events.map((event) => [event]))
}

const finished = (choice = 0): ChatEvent => ({ type: 'finish', choice, reason: 'stop' })

/** Makes extra data with a signature, which Anthropic sends at the end of a reasoning part. */
const signed = (signature: string) => ({ extra: { 'anthropic-messages': { signature } } })

test('parts keep their order and their extra data', async () => {
  const { choices } = await fold(
    of([
      { type: 'reasoning', choice: 0, part: 0, text: 'h' },
      { type: 'reasoning', choice: 0, part: 0, text: 'm' },
      { type: 'part-end', choice: 0, part: 0, ...signed('s1') },
      { type: 'text', choice: 0, part: 1, text: 'I look.' },
      { type: 'part-end', choice: 0, part: 1, annotations: [{ url: 'https://example.test' }] },
      { type: 'tool-call', choice: 0, part: 2, id: 'a', name: 'f', extra: { x: { once: 1 } } },
      { type: 'tool-arguments', choice: 0, part: 2, json: '{"a"' },
      { type: 'tool-arguments', choice: 0, part: 2, json: ':1}', extra: { x: { twice: 2 } } },
      { type: 'part-end', choice: 0, part: 2 },
      { type: 'reasoning', choice: 0, part: 3, text: '' },
      { type: 'part-end', choice: 0, part: 3, ...signed('s2') },
      { type: 'refusal', choice: 0, part: 4, text: 'No.' },
      { type: 'part-end', choice: 0, part: 4 },
      { type: 'finish', choice: 0, reason: 'stop', extra: { x: { all: 3 } } },
    ]),
  )
  expect(choices).toEqual([
    {
      index: 0,
      parts: [
        { type: 'reasoning', text: 'hm', ...signed('s1') },
        { type: 'text', text: 'I look.', annotations: [{ url: 'https://example.test' }] },
        { type: 'tool-call', id: 'a', name: 'f', arguments: '{"a":1}', extra: { x: { twice: 2 } } },
        { type: 'reasoning', text: '', ...signed('s2') },
        { type: 'refusal', text: 'No.' },
      ],
      logprobs: [],
      finish: 'stop',
      extra: { x: { all: 3 } },
      native: undefined,
    },
  ])
})

test('files and the upstream’s own tool calls are parts', async () => {
  const picture = { type: 'image', url: 'data:image/png;base64,AAAA' } as const
  const searched = { type: 'server-tool-call', id: 's', name: 'web_search', arguments: '{}' } as const
  const found = { type: 'server-tool-result', toolCallId: 's', isError: false } as const
  const extra = { 'anthropic-messages': { content: [] } }
  const { choices } = await fold(
    of([
      { choice: 0, part: 0, ...searched },
      { type: 'part-end', choice: 0, part: 0 },
      { choice: 0, part: 1, ...found, extra },
      { type: 'part-end', choice: 0, part: 1 },
      { type: 'file', choice: 0, part: 2, file: picture },
      { type: 'part-end', choice: 0, part: 2 },
      finished(),
    ]),
  )
  expect(choices[0]?.parts).toEqual([searched, { ...found, extra }, picture])
})

test('arguments go to their own call when several calls grow in turn', async () => {
  const pieces = fc.array(fc.tuple(fc.nat(2), fc.string()))
  await fc.assert(
    fc.asyncProperty(pieces, async (grown) => {
      const writer = new PartWriter()
      const opened = [0, 1, 2].flatMap((index) => writer.toolCall({ id: `id${index}`, name: `name${index}` }))
      const growing = grown.flatMap(([index, json]) => writer.toolArguments(index, json))
      const { choices } = await fold(of([...opened, ...growing, ...writer.finish('stop')]))
      const expected = [0, 1, 2].map((index) => ({
        type: 'tool-call' as const,
        id: `id${index}`,
        name: `name${index}`,
        arguments: grown.flatMap(([of, json]) => (of === index ? [json] : [])).join(''),
      }))
      expect(choices[0]?.parts).toEqual(expected)
    }),
  )
})

test('a fold stops at its limit, sets `isCut`, and keeps the parts so far', () => {
  const bounded = new Fold({ maxCharacters: 200 })
  const writer = new PartWriter()
  const add = (events: readonly ChatEvent[]) => {
    for (const event of events) bounded.add(event)
  }
  add(writer.text('a'.repeat(100)))
  expect(bounded.isCut).toBe(false)
  for (let at = 0; at < 10_000; at++) add(writer.text('b'))
  add(writer.toolCall({ id: 'a', name: 'f' }))
  add(writer.toolArguments(writer.latestPart, '{}'))
  expect(bounded.isCut).toBe(true)
  const [text, ...others] = bounded.parts()
  expect(others).toEqual([])
  expect(text).toMatchObject({ type: 'text' })
  expect(JSON.stringify(bounded.parts()).length).toBeLessThan(300)
})

test('the parts so far can be read at any moment', () => {
  const growing = new Fold({ maxCharacters: 1_000 })
  expect(growing.message()).toEqual({ role: 'assistant', content: [] })
  growing.add({ type: 'text', choice: 0, part: 0, text: 'a' })
  expect(growing.message()).toEqual({ role: 'assistant', content: [{ type: 'text', text: 'a' }] })
  expect(growing.choices[0]?.finish).toBeUndefined()
})

test('choices are sorted by index', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat(50), { minLength: 1 }), async (indexes) => {
      const { choices } = await fold(of(indexes.map(finished)))
      expect(choices.map(({ index }) => index)).toEqual(indexes.toSorted((a, b) => a - b))
    }),
  )
})

test('the last usage counts', async () => {
  const usages = [1, 2].map(
    (outputTokens): ChatEvent => ({ type: 'usage', choice: 0, usage: { outputTokens, source: 'upstream' } }),
  )
  expect((await fold(of([finished(), ...usages]))).usage).toEqual({ outputTokens: 2, source: 'upstream' })
})

test('annotations and log probabilities are kept in order', async () => {
  const { choices } = await fold(
    of([
      {
        type: 'text',
        choice: 0,
        part: 0,
        text: 'a',
        annotations: [{ title: '1' }, { title: '2' }],
        logprobs: { content: [1] },
      },
      { type: 'text', choice: 0, part: 0, text: '', annotations: [{ title: '3' }], logprobs: null },
      finished(),
    ]),
  )
  const [part] = choices[0]?.parts ?? []
  expect(part?.type === 'text' && part.annotations?.map(({ title }) => title)).toEqual(['1', '2', '3'])
  expect(choices[0]?.logprobs).toEqual([{ content: [1] }, null])
})

test('a choice keeps a whole native reply, but not a native chunk', async () => {
  const whole: Native = { dialect: 'openai-chat', form: 'whole', value: {} }
  const chunk: Native = { dialect: 'openai-chat', form: 'chunk', value: {} }
  const { choices } = await fold(
    of([
      { type: 'text', choice: 0, part: 0, text: 'a', native: whole },
      finished(0),
      { type: 'text', choice: 1, part: 0, text: 'a', native: chunk },
      finished(1),
    ]),
  )
  expect(choices.map(({ native }) => native)).toEqual([whole, undefined])
})

async function failure(events: Flow): Promise<unknown> {
  return fold(events).catch((thrown: unknown) => thrown)
}

test('P1: a stream that ends with an unfinished choice is a failure', async () => {
  const unfinished: ChatEvent[] = [finished(0), { type: 'text', choice: 1, part: 0, text: 'a' }]
  expect(await failure(of(unfinished))).toMatchObject({ reason: 'upstream-failed', code: 'upstream_disconnected' })
})

test('P1: a stream that ends without a choice is a failure', async () => {
  expect(await failure(of([]))).toMatchObject({ reason: 'upstream-failed', code: 'upstream_disconnected' })
  expect(await failure(of([{ type: 'usage', choice: 0, usage: { source: 'upstream' } }]))).toBeInstanceOf(ChatError)
})

test('P1: a failure after the finish is still a failure', async () => {
  const cut = new ChatError('upstream-failed', { message: 'cut' })
  expect(await failure(scriptedFlow([finished()], cut))).toBe(cut)
})

describe('an answer of one whole reply', () => {
  const native: Native = { dialect: 'openai-chat', form: 'whole', value: { own: 1 } }
  const said = (choice: number, text: string): ChatEvent[] =>
    [...new PartWriter(choice).text(text), { type: 'finish' as const, choice, reason: 'stop' as const }].map(
      (event) => ({
        ...event,
        native,
      }),
    )
  const counted = (outputTokens: number): ChatEvent => ({
    type: 'usage',
    choice: 0,
    usage: { outputTokens, source: 'upstream' },
    native,
  })

  test('keeps the reply, and has the same choices as in pieces', async () => {
    const events = [...said(0, 'Tea'), ...said(1, 'Coffee'), counted(3)]
    const answer = await fold(readyFlow(events))
    expect(answer.reply).toBe(native)
    const { choices, usage, reply } = await fold(of(events))
    expect({ choices: answer.choices, usage: answer.usage }).toEqual({ choices, usage })
    expect(reply).toBeUndefined()
  })

  test('has no reply if something else was said', async () => {
    const added: ChatEvent = { type: 'usage', choice: 0, usage: { outputTokens: 9, source: 'estimate' } }
    const chunk: Native = { ...native, form: 'chunk' }
    const others: Record<string, readonly (readonly ChatEvent[])[]> = {
      'another batch': [said(0, 'Tea'), [added]],
      'another event': [[...said(0, 'Tea'), added]],
      'another reply': [[...said(0, 'Tea'), ...said(1, 'Tea').map((event) => ({ ...event, native: { ...native } }))]],
      'choices in another order': [[...said(1, 'Tea'), ...said(0, 'Tea')]],
      'a chunk': [said(0, 'Tea').map((event) => ({ ...event, native: chunk }))],
    }
    for (const [name, batches] of Object.entries(others)) {
      const answer = await fold(readyFlow(...batches))
      expect([name, answer.reply, answer.choices[0]?.finish]).toEqual([name, undefined, 'stop'])
    }
    expect((await fold(readyFlow(said(0, 'Tea'), [added]))).usage).toEqual(added.usage)
  })

  test('fails if a choice is unfinished, or if the flow fails after the reply', async () => {
    const unfinished = [...said(0, 'Tea'), ...said(1, 'Tea').slice(0, 1)]
    expect(fold(readyFlow(unfinished))).rejects.toThrow(ChatError)
    expect(fold(scriptedFlow(said(0, 'Tea'), new Error('broken')))).rejects.toThrow('broken')
  })
})
