import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { ChatEvent } from '../chat/event.ts'
import { PartWriter } from '../chat/part-writer.ts'
import { readAll, readyFlow } from './flow.double.ts'
import { type AnswerMember, type AnswerSupport, noteLosses } from './losses.ts'

const form = (...members: AnswerMember[]): AnswerSupport => ({ dialect: 'ours', members: new Set(members) })
const all = form('text', 'reasoning', 'refusal', 'tool-call')

/** Lists the losses of these events, in the order in which they are noticed. */
async function lossesOf(events: readonly ChatEvent[], told = all): Promise<readonly string[]> {
  const lost = new Set<string>()
  const flow = noteLosses(readyFlow<ChatEvent>(...events.map((event) => [event])), told, lost)
  expect((await readAll(flow)).batches).toEqual(events.map((event) => [event]))
  return [...lost]
}

const theirs = (fields: object) => ({ extra: { theirs: { ...fields } } })
const call = { id: 'call-1', name: 'clock' }
const writer = () => new PartWriter()

test('a dialect that can express everything loses nothing', async () => {
  const to = writer()
  const events = [
    ...to.reasoning('hm'),
    ...to.text('yes'),
    ...to.toolCall(call),
    ...to.finish('tool-calls', { raw: 'x' }),
  ]
  expect(await lossesOf(events)).toEqual([])
  expect(await lossesOf([...events, { type: 'usage', choice: 0, usage: { source: 'upstream' } }])).toEqual([])
})

test('a part of a type that the dialect lacks is noted by its type', async () => {
  const picture = { type: 'image', url: 'data:image/png;base64,AAAA' } as const
  const events: readonly ChatEvent[] = [
    { type: 'file', choice: 0, part: 0, file: picture },
    { type: 'server-tool-call', choice: 0, part: 1, id: 's', name: 'search', arguments: '{}' },
    { type: 'server-tool-result', choice: 0, part: 2, toolCallId: 's' },
    { type: 'foreign', choice: 0, isShown: true, native: { dialect: 'theirs', form: 'chunk', value: {} } },
    { type: 'foreign', choice: 0, isShown: false },
  ]
  expect(await lossesOf(events)).toEqual(['image', 'server-tool-call', 'server-tool-result', 'foreign'])
  expect(await lossesOf(events, form('image', 'foreign'))).toEqual(['server-tool-call', 'server-tool-result'])
})

test('lost extra data is noted by the names of its fields', async () => {
  const to = writer()
  const events = [
    ...to.text('a', { annotations: [{ url: 'https://example.com' }], logprobs: {} }),
    ...to.endWords({ annotations: [theirs({ cited: 'b' })] }),
    ...to.finish('other', { stopSequence: 'END', ...theirs({ container: 'c' }) }),
  ]
  const lost = ['logprobs', 'annotations', 'annotations.cited', 'other-finish', 'stop-sequence', 'answer.container']
  expect(await lossesOf(events)).toEqual(lost)
  expect(await lossesOf(events, form('text', 'annotations', 'logprobs', 'stop-sequence', 'other-finish'))).toEqual([
    'annotations.cited',
    'answer.container',
  ])
})

test('extra data of another dialect is noted, and extra data of the client’s dialect is not', async () => {
  const to = writer()
  const events = [
    ...to.reasoning('hm'),
    ...to.endWords(theirs({ signature: 's', 'not\nplain': 1, [`${'x'.repeat(49)}`]: 1 })),
    ...to.toolCall({ ...call, extra: { ours: { a: 1 }, theirs: { b: 1 } } }),
    ...to.toolArguments(1, '{}', { third: { c: 1 } }),
  ]
  expect(await lossesOf(events)).toEqual(['reasoning.signature', 'reasoning.extra', 'tool-call.b', 'tool-call.c'])
})

test.each([
  ['thought, text, call', 'rtc', false],
  ['two texts', 'tt', false],
  ['text before a thought', 'tr', true],
  ['a call before a text', 'ct', true],
  ['an empty text before a thought', '0r', false],
])('whether the order of parts is lost: %s', async (_, kinds, isLost) => {
  const to = writer()
  const events = [...kinds].flatMap((kind): ChatEvent[] => {
    if (kind === 'c') return to.toolCall(call)
    const said = kind === 'r' ? to.reasoning('hm') : to.text(kind === '0' ? '' : 'yes')
    return [...said, ...to.endWords()]
  })
  expect(await lossesOf(events)).toEqual(isLost ? ['order'] : [])
  expect(await lossesOf(events, form(...all.members, 'order'))).toEqual([])
})

test('a part and an annotation whose data is of the client’s dialect are not lost', async () => {
  const extra = { ours: { type: 'search' } }
  const annotations = [{ url: 'https://example.com', extra: { ours: { citation: {} } } }]
  const events = (beside: object): readonly ChatEvent[] => [
    { type: 'server-tool-call', choice: 0, part: 0, id: 's', name: 'search', arguments: '{}', ...beside },
    {
      type: 'text',
      choice: 0,
      part: 1,
      text: 'a',
      annotations: annotations.map((one) => ({ url: one.url, ...beside })),
    },
  ]
  expect(await lossesOf(events({ extra }))).toEqual([])
  expect(await lossesOf(events({}))).toEqual(['server-tool-call', 'annotations'])
})

test('each choice has its own order', async () => {
  const first = new PartWriter(0).text('yes')
  const second = new PartWriter(1).reasoning('hm')
  expect(await lossesOf([...first, ...second])).toEqual([])
})

test('chunks of the client’s dialect lose nothing', async () => {
  const native = { dialect: 'ours', form: 'chunk', value: {} } as const
  const event: ChatEvent = { type: 'server-tool-result', choice: 0, part: 0, toolCallId: 's', native }
  expect(await lossesOf([event, { type: 'foreign', choice: 0, isShown: true, native }])).toEqual([])
})

test('at most 50 losses are noted, even at the end of a part that was never opened', async () => {
  const fields = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`f${at}`, at]))
  expect((await lossesOf([{ type: 'part-end', choice: 0, part: 7, ...theirs(fields) }])).length).toBe(50)
})

test('a loss that many parts share is noted once', async () => {
  const lost = new Set<string>()
  const to = writer()
  const batch = Array.from({ length: 1_000 }, () => [...to.text('a'), ...to.endWords()]).flat()
  const flow = noteLosses(readyFlow<ChatEvent>(...Array.from({ length: 50 }, () => batch)), form(), lost)
  await readAll(flow)
  expect([...lost]).toEqual(['text'])
})

test('P: the losses do not depend on the batches', () => {
  const kinds = fc.array(fc.constantFrom('t', 'r', 'c', 's'), { maxLength: 12 })
  return fc.assert(
    fc.asyncProperty(kinds, fc.integer({ min: 1, max: 5 }), async (said, size) => {
      const to = writer()
      const events = said.flatMap((kind): ChatEvent[] => {
        if (kind === 'c') return to.toolCall(call)
        if (kind === 's') return to.endWords(theirs({ signature: 's' }))
        return kind === 't' ? to.text('a') : to.reasoning('b')
      })
      const batches = Array.from({ length: Math.ceil(events.length / size) }, (_, at) =>
        events.slice(at * size, (at + 1) * size),
      )
      const lost = new Set<string>()
      await readAll(noteLosses(readyFlow<ChatEvent>(...batches), all, lost))
      expect([...lost]).toEqual([...(await lossesOf(events))])
    }),
  )
})
