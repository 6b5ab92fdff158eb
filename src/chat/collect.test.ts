import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { collect } from './collect.ts'
import { ChatError } from './error.ts'
import type { ChatEvent, Native } from './event.ts'

async function* of(events: readonly ChatEvent[]): AsyncGenerator<ChatEvent> {
  yield* events
}

const finished = (choice = 0): ChatEvent => ({ type: 'finish', choice, reason: 'stop' })

test('texts, refusals and thoughts are joined, each in its own field', async () => {
  const { choices } = await collect(
    of([
      { type: 'reasoning', choice: 0, text: 'hm' },
      { type: 'text', choice: 0, text: 'a' },
      { type: 'text', choice: 0, text: 'no', refusal: true },
      { type: 'reasoning', choice: 0, text: 'm' },
      { type: 'text', choice: 0, text: 'b' },
      finished(),
    ]),
  )
  expect(choices).toEqual([
    {
      index: 0,
      text: 'ab',
      refusal: 'no',
      reasoning: 'hmm',
      toolCalls: [],
      annotations: [],
      logprobs: [],
      finish: 'stop',
      native: undefined,
    },
  ])
})

test('the arguments of calls that grow side by side go to their own call', async () => {
  const pieces = fc.array(fc.tuple(fc.nat(2), fc.string()))
  await fc.assert(
    fc.asyncProperty(pieces, async (grown) => {
      const opened = [0, 1, 2].map(
        (index): ChatEvent => ({ type: 'tool-call', choice: 0, index, id: `id${index}`, name: `name${index}` }),
      )
      const growing = grown.map(([index, json]): ChatEvent => ({ type: 'tool-arguments', choice: 0, index, json }))
      const { choices } = await collect(of([...opened, ...growing, finished()]))
      const expected = [0, 1, 2].map((index) => ({
        id: `id${index}`,
        name: `name${index}`,
        arguments: grown.flatMap(([of, json]) => (of === index ? [json] : [])).join(''),
      }))
      expect(choices[0]?.toolCalls).toEqual(expected)
    }),
  )
})

test('choices come out by index, whatever order they came in', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat(50), { minLength: 1 }), async (indexes) => {
      const { choices } = await collect(of(indexes.map(finished)))
      expect(choices.map(({ index }) => index)).toEqual(indexes.toSorted((a, b) => a - b))
    }),
  )
})

test('the last usage holds', async () => {
  const usages = [1, 2].map(
    (outputTokens): ChatEvent => ({ type: 'usage', choice: 0, usage: { outputTokens, source: 'upstream' } }),
  )
  expect((await collect(of([finished(), ...usages]))).usage).toEqual({ outputTokens: 2, source: 'upstream' })
})

test('annotations and log probabilities are kept in order', async () => {
  const { choices } = await collect(
    of([
      { type: 'text', choice: 0, text: 'a', annotations: [{ title: '1' }, { title: '2' }], logprobs: { content: [1] } },
      { type: 'text', choice: 0, text: '', annotations: [{ title: '3' }], logprobs: null },
      finished(),
    ]),
  )
  expect(choices[0]?.annotations.map(({ title }) => title)).toEqual(['1', '2', '3'])
  expect(choices[0]?.logprobs).toEqual([{ content: [1] }, null])
})

test('a whole native reply goes with its choice, a native chunk does not', async () => {
  const whole: Native = { dialect: 'openai-chat', form: 'whole', value: {} }
  const chunk: Native = { dialect: 'openai-chat', form: 'chunk', value: {} }
  const { choices } = await collect(
    of([
      { type: 'text', choice: 0, text: 'a', native: whole },
      finished(0),
      { type: 'text', choice: 1, text: 'a', native: chunk },
      finished(1),
    ]),
  )
  expect(choices.map(({ native }) => native)).toEqual([whole, undefined])
})

async function failure(events: AsyncIterable<ChatEvent>): Promise<unknown> {
  return collect(events).catch((thrown: unknown) => thrown)
}

test('P1: a stream that ends with a choice unfinished is no answer', async () => {
  const unfinished: ChatEvent[] = [finished(0), { type: 'text', choice: 1, text: 'a' }]
  expect(await failure(of(unfinished))).toMatchObject({ reason: 'upstream-failed', code: 'upstream_disconnected' })
})

test('P1: a stream that ends without any choice is no answer', async () => {
  expect(await failure(of([]))).toMatchObject({ reason: 'upstream-failed', code: 'upstream_disconnected' })
  expect(await failure(of([{ type: 'usage', choice: 0, usage: { source: 'upstream' } }]))).toBeInstanceOf(ChatError)
})

test('P1: a failure after the finish is still a failure', async () => {
  const cut = new ChatError('upstream-failed', { message: 'cut' })
  async function* breaking(): AsyncGenerator<ChatEvent> {
    yield finished()
    throw cut
  }
  expect(await failure(breaking())).toBe(cut)
})
