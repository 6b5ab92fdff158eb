import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../../test/sizes.ts'
import type { ChatEvent, Native } from '../../chat/event.ts'
import { ReplyDecoder } from './decode-reply.ts'
import { StreamEncoder } from './encode-stream.ts'
import { LearnedChunk } from './learned-chunks.ts'

const newDecoder = (choices = 1) => new ReplyDecoder({ choices, newId: () => 'made' })

/** Decodes and relays a stream. @param learns whether a chunk that was learned is not parsed */
function relay(
  texts: readonly string[],
  { learns, includeUsage = false }: { learns: boolean; includeUsage?: boolean },
) {
  const decoder = newDecoder(2)
  const encoder = new StreamEncoder({ id: 'ours', model: 'up/@text@', created: 5, includeUsage })
  const events: ChatEvent[] = []
  let count = 0
  for (const text of texts) {
    const learned = learns ? decoder.learnedChunk(text) : undefined
    if (learned) count++
    events.push(...(learned ? [learned] : decoder.chunk(parsed(text), text)))
  }
  const written = events.map((event) => encoder.event(event))
  return { events: events.map(plain), written: written.map(String), count }
}

/** JSON that the full reader refuses must not be learned either. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return { choices: [] }
  }
}

function plain({ native, ...event }: ChatEvent): unknown {
  return { ...event, native: native && natural(native) }
}

function natural({ dialect, form, value, json, isShared }: Native): Native {
  return { dialect, form, value, ...(json !== undefined && { json }), ...(isShared !== undefined && { isShared }) }
}

const chunkOf = (content: string, more = '') =>
  `{"id":"theirs","model":"m","choices":[{"index":0,"delta":{"content":${content}},"finish_reason":null}]${more}}`

describe('a chunk that differs from an earlier one only in its text', () => {
  test('is not parsed', () => {
    const decoder = newDecoder()
    decoder.chunk(JSON.parse(chunkOf('"a"')), chunkOf('"a"'))
    expect(decoder.learnedChunk(chunkOf('"b"'))).toBeUndefined()
    decoder.chunk(JSON.parse(chunkOf('"b"')), chunkOf('"b"'))
    const learned = decoder.learnedChunk(chunkOf('"漢 c"'))
    expect(learned).toMatchObject({ type: 'text', choice: 0, part: 0, text: '漢 c' })
    expect(learned?.native).toBeInstanceOf(LearnedChunk)
    expect(learned?.native && natural(learned.native)).toEqual({
      dialect: 'openai-chat',
      form: 'chunk',
      value: JSON.parse(chunkOf('"漢 c"')),
      json: chunkOf('"漢 c"'),
    })
  })

  test('is relayed with our head', () => {
    const { written, count } = relay([chunkOf('"a"'), chunkOf('"b"'), chunkOf('"c"')], { learns: true })
    expect(count).toBe(1)
    expect(written[2]).toContain('"id":"ours"')
    expect(written[2]).toBe(written[1]?.replace('"b"', '"c"') ?? '')
  })

  const others: Readonly<Record<string, string>> = {
    'an empty text': chunkOf('""'),
    'an escape': chunkOf('"\\n"'),
    'a quote': chunkOf('"a","refusal":"b"'),
    'a control character': chunkOf('"\u0001"'),
    'a lone surrogate': chunkOf('"\ud800"'),
    'no text': chunkOf('null'),
    'another head': chunkOf('"c"').replace('theirs', 'another'),
    'another end': chunkOf('"c"', ',"x":1'),
    'a missing end': chunkOf('"c"').slice(0, -1),
  }
  for (const [name, json] of Object.entries(others))
    test(`is not one with ${name}`, () => {
      const decoder = newDecoder()
      for (const text of [chunkOf('"a"'), chunkOf('"b"')]) decoder.chunk(JSON.parse(text), text)
      expect(decoder.learnedChunk(chunkOf('"c"'))).toBeDefined()
      expect(decoder.learnedChunk(json)).toBeUndefined()
    })

  test('is parsed after a finish reason, because it continues the answer', () => {
    const decoder = newDecoder()
    const end = '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
    for (const text of [chunkOf('"a"'), chunkOf('"b"'), end]) decoder.chunk(JSON.parse(text), text)
    expect(decoder.learnedChunk(chunkOf('"c"'))).toBeUndefined()
  })

  test('is learned although its text stands elsewhere in the chunk too', () => {
    const chunk = (id: string, text: string) =>
      `{"id":"${id}","model":"content","choices":[{"index":0,"delta":{"role":"assistant","content":"${text}"}}]}`
    for (const first of ['a', 'content', 'assistant']) {
      const texts = [chunk('a', first), chunk('a', first), chunk('a', 'b'), chunk('b', first), chunk('a', first)]
      const learned = relay(texts, { learns: true })
      expect(learned.count).toBe(2)
      expect(learned.events).toEqual(relay(texts, { learns: false }).events)
    }
  })

  test('is learned for several choices that come in turns', () => {
    const chunk = (index: number, text: string) => `{"choices":[{"index":${index},"delta":{"content":"${text}"}}]}`
    const turns = ['a', 'b', 'c', 'd'].flatMap((text) => [chunk(0, text), chunk(1, text)])
    expect(relay(turns, { learns: true }).count).toBe(4)
    expect(relay(turns, { learns: true }).written).toEqual(relay(turns, { learns: false }).written)
  })

  test('is not learned for ever if each chunk has another surrounding', () => {
    const chunks = Array.from({ length: 50 }, (_, at) => chunkOf('"a"', `,"x":${at}`))
    expect(relay(chunks, { learns: true }).count).toBe(0)
    expect(relay([...chunks, chunkOf('"a"'), chunkOf('"a"')], { learns: true }).count).toBe(0)
  })
})

const near = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', '"', '\\', ',', ':', '}', '\u0001', '\n', 'é', '漢', '😀', '\ud800', '@') }),
  fc.constantFrom('content', '@text@', '"content":"a"', 'index', ' tok', 'theirs', 'm'),
  fc.string({ unit: 'binary' }),
)
const member = fc.tuple(fc.constantFrom('id', 'model', 'created', 'usage', 'x', 'content'), near)
const surroundings = fc.record({
  before: fc.array(member, { maxLength: 2 }),
  after: fc.array(member, { maxLength: 2 }),
  index: fc.constantFrom(0, 0, 0, 1),
  delta: fc.array(fc.tuple(fc.constantFrom('role', 'x', 'content'), near), { maxLength: 1 }),
  space: fc.constantFrom('', '', ' ', '\n'),
})

/** Writes a chunk as text, so that a member may come twice. */
function write(
  content: string,
  { before, after, index, delta, space }: typeof surroundings extends fc.Arbitrary<infer T> ? T : never,
): string {
  const members = (pairs: readonly (readonly [string, string])[]) =>
    pairs.map(([name, value]) => `"${name}":${space}${name === 'usage' ? 'null' : JSON.stringify(value)}`)
  const said = [...members(delta), `"content":${space}${content}`]
  const choices = `"choices":${space}[{"index":${index},"delta":{${said.join(',')}}}]`
  return `{${[...members(before), choices, ...members(after)].join(`,${space}`)}}`
}

describe('the short path and the full one', () => {
  test('give the same events and the same bytes', () => {
    const content = near.chain((text) => fc.constantFrom(JSON.stringify(text), JSON.stringify(text), `"${text}"`))
    const stream = fc
      .array(surroundings, { minLength: 1, maxLength: 2 })
      .chain((some) => fc.array(fc.tuple(content, fc.constantFrom(...some)), { minLength: 3, maxLength: 8 }))
      .map((chunks) => chunks.map(([text, around]) => write(text, around)))
    let learnedCount = 0
    fc.assert(
      fc.property(stream, fc.boolean(), (texts, includeUsage) => {
        const [short, full] = [true, false].map((learns) => relay(texts, { learns, includeUsage }))
        learnedCount += short?.count ?? 0
        expect(short?.events).toEqual(full?.events ?? [])
        expect(short?.written).toEqual(full?.written ?? [])
      }),
      { numRuns: runs(1_000) },
    )
    expect(learnedCount).toBeGreaterThan(100)
  })
})
