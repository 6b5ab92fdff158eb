import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { PartWriter } from '../../chat/part-writer.ts'
import { ToolCalls } from './tool-calls.ts'
import type { WireToolDelta } from './wire-calls.ts'

interface Case {
  readonly name: string
  readonly deltas: readonly WireToolDelta[]
  /** Returns id, name and arguments of each call. */
  readonly calls: readonly (readonly [string, string, string])[]
}

/** A delta of a function call. */
function part(json: unknown, others: { name?: string | null; id?: string | number | null; index?: number } = {}) {
  const { name, ...rest } = others
  return { ...rest, function: { ...(name !== undefined && { name }), arguments: json } }
}

const city = '{"city":"Oslo"}'

const cases: readonly Case[] = [
  {
    name: 'OpenAI: an opening, then arguments by index',
    deltas: [
      { ...part('', { index: 0, id: 'a', name: 'f' }), type: 'function' },
      part('{"city"', { index: 0 }),
      part(':"Oslo"}', { index: 0 }),
    ],
    calls: [['a', 'f', city]],
  },
  { name: 'a missing id is made', deltas: [part(city, { index: 0, name: 'f' })], calls: [['made_1', 'f', city]] },
  {
    name: 'an empty id is made',
    deltas: [part(city, { index: 0, id: '', name: 'f' })],
    calls: [['made_1', 'f', city]],
  },
  { name: 'an id that is a number', deltas: [part(city, { index: 0, id: 7, name: 'f' })], calls: [['7', 'f', city]] },
  {
    name: 'a missing index: parts without a name continue the last call',
    deltas: [part('', { id: 'a', name: 'f' }), part('{"city":'), part('"Oslo"}'), part('{}', { id: 'b', name: 'g' })],
    calls: [
      ['a', 'f', city],
      ['b', 'g', '{}'],
    ],
  },
  {
    name: 'all at index 0, whole',
    deltas: [part(city, { index: 0, id: 'a', name: 'f' }), part('{"city":"Rome"}', { index: 0, id: 'b', name: 'f' })],
    calls: [
      ['a', 'f', city],
      ['b', 'f', '{"city":"Rome"}'],
    ],
  },
  {
    name: 'all at index 0, interleaved by id',
    deltas: [
      part('', { index: 0, id: 'a', name: 'f' }),
      part('', { index: 0, id: 'b', name: 'f' }),
      part('{"n":1', { index: 0, id: 'a' }),
      part('{"n":2', { index: 0, id: 'b' }),
      part('}', { index: 0, id: 'a' }),
      part('}', { index: 0, id: 'b' }),
    ],
    calls: [
      ['a', 'f', '{"n":1}'],
      ['b', 'f', '{"n":2}'],
    ],
  },
  {
    name: 'a fresh id in each delta',
    deltas: [
      part('{"ci', { index: 0, id: 'a', name: 'f' }),
      part('ty":', { index: 0, id: 'b' }),
      part('"Oslo"}', { index: 0, id: 'c' }),
    ],
    calls: [['a', 'f', city]],
  },
  {
    name: 'a fresh id and the name in each delta',
    deltas: [
      part('', { index: 0, id: 'a', name: 'f' }),
      part('{"city"', { index: 0, id: 'b', name: 'f' }),
      part(':"Oslo"}', { index: 0, id: 'c', name: 'f' }),
    ],
    calls: [['a', 'f', city]],
  },
  {
    name: 'id and name repeated in each delta, the last of them empty',
    deltas: [
      part('', { index: 0, id: 'a', name: 'f' }),
      part('{"city"', { index: 0, id: 'a', name: 'f' }),
      part(':"Oslo"}', { index: 0, id: 'a', name: 'f' }),
      part('', { index: 0, id: 'a', name: 'f' }),
    ],
    calls: [['a', 'f', city]],
  },
  {
    name: 'the name repeated in each delta, without ids, the last of them empty',
    deltas: [part('{"city"', { name: 'f' }), part(':"Oslo"}', { name: 'f' }), part('', { name: 'f' })],
    calls: [['made_1', 'f', city]],
  },
  {
    name: 'the same function twice with no ids',
    deltas: [part(city, { index: 0, name: 'f' }), part('{}', { index: 0, name: 'f' })],
    calls: [
      ['made_1', 'f', city],
      ['made_2', 'f', '{}'],
    ],
  },
  {
    name: 'the same function twice with no ids and no indices, in pieces',
    deltas: [part('', { name: 'f' }), part('{"n":'), part('1}'), part('', { name: 'f' }), part('{"n":2}')],
    calls: [
      ['made_1', 'f', '{"n":1}'],
      ['made_2', 'f', '{"n":2}'],
    ],
  },
  {
    name: 'the same id for two calls',
    deltas: [part(city, { index: 0, id: 'a', name: 'f' }), part('{}', { index: 1, id: 'a', name: 'f' })],
    calls: [
      ['a', 'f', city],
      ['made_1', 'f', '{}'],
    ],
  },
  {
    name: 'two functions without arguments at index 0',
    deltas: [part('', { index: 0, id: 'a', name: 'f' }), part('', { index: 0, id: 'b', name: 'f' })],
    calls: [
      ['a', 'f', '{}'],
      ['b', 'f', '{}'],
    ],
  },
  {
    name: 'three parallel calls, interleaved',
    deltas: [
      part('', { index: 0, id: 'a', name: 'f' }),
      part('', { index: 1, id: 'b', name: 'f' }),
      part('{"n":', { index: 1 }),
      part('', { index: 2, id: 'c', name: 'g' }),
      part('{"n":', { index: 0 }),
      part('2}', { index: 1 }),
      part('{}', { index: 2 }),
      part('1}', { index: 0 }),
    ],
    calls: [
      ['a', 'f', '{"n":1}'],
      ['b', 'f', '{"n":2}'],
      ['c', 'g', '{}'],
    ],
  },
  {
    name: 'indices that begin at 1',
    deltas: [part(city, { index: 1, id: 'a', name: 'f' }), part('{}', { index: 2, id: 'b', name: 'g' })],
    calls: [
      ['a', 'f', city],
      ['b', 'g', '{}'],
    ],
  },
  {
    name: 'an index that no call bears, with arguments alone',
    deltas: [part('{"city"', { index: 0, id: 'a', name: 'f' }), part(':"Oslo"}', { index: 1 })],
    calls: [['a', 'f', city]],
  },
  {
    name: 'arguments as an object',
    deltas: [part({ city: 'Oslo' }, { index: 0, id: 'a', name: 'f' })],
    calls: [['a', 'f', city]],
  },
  { name: 'null arguments', deltas: [part(null, { index: 0, id: 'a', name: 'f' })], calls: [['a', 'f', '{}']] },
  { name: 'empty arguments', deltas: [part('', { index: 0, id: 'a', name: 'f' })], calls: [['a', 'f', '{}']] },
  {
    name: 'a function without arguments at all',
    deltas: [{ index: 0, id: 'a', function: { name: 'f' } }],
    calls: [['a', 'f', '{}']],
  },
  {
    name: 'brackets within strings end no arguments',
    deltas: [part('{"a":"}\\"', { name: 'f' }), part('{","b":[{}]', { name: 'f' }), part('}', { name: 'f' })],
    calls: [['made_1', 'f', '{"a":"}\\"{","b":[{}]}']],
  },
  {
    name: 'a quote within a string ends neither it nor the arguments',
    deltas: [part('{"a":"\\"}', { name: 'f' }), part('"}', { name: 'f' })],
    calls: [['made_1', 'f', '{"a":"\\"}"}']],
  },
  {
    name: 'the name after the arguments have begun',
    deltas: [part('{"n"', { index: 0, id: 'a' }), part(':1', { index: 0, name: 'f' }), part('}', { index: 0 })],
    calls: [['a', 'f', '{"n":1}']],
  },
  { name: 'no name at all', deltas: [part('{}', { index: 0, id: 'a' })], calls: [['a', '', '{}']] },
  {
    name: 'a name that is a word of every object',
    deltas: [part('{}', { index: 0, id: '__proto__', name: 'constructor' })],
    calls: [['__proto__', 'constructor', '{}']],
  },
  {
    name: 'half a character at the end of a delta',
    deltas: [part('{"a":"\ud83d', { index: 0, id: 'a', name: 'f' }), part('\ude00"}', { index: 0 })],
    calls: [['a', 'f', '{"a":"😀"}']],
  },
  {
    name: 'half a character at the very end',
    deltas: [part('{"a":"\ud83d', { index: 0, id: 'a', name: 'f' })],
    calls: [['a', 'f', '{"a":"\ufffd']],
  },
  {
    name: 'custom tools: free text, which may be empty and is never complete',
    deltas: [
      { index: 0, id: 'a', type: 'custom', custom: { name: 'sql', input: '{}' } },
      { index: 0, custom: { input: ' {}' } },
      { index: 0, id: 'b', type: 'custom', custom: { name: 'sql', input: '' } },
    ],
    calls: [
      ['a', 'sql', '{} {}'],
      ['b', 'sql', ''],
    ],
  },
]

const Relayed = z.strictObject({
  index: z.int(),
  id: z.string().optional(),
  type: z.enum(['function', 'custom']).optional(),
  function: z.strictObject({ name: z.string().optional(), arguments: z.string().nullish() }).optional(),
  custom: z.strictObject({ name: z.string().optional(), input: z.string() }).optional(),
})

/** Joins the calls as the official SDKs do, which trust index, id, type and name. */
function addUp(deltas: readonly (object | undefined)[]): string[][] {
  const calls: string[][] = []
  for (const { index, id, type, function: called, custom } of z.array(Relayed).parse(deltas.filter(Boolean))) {
    const opening = [id, type, called?.name ?? custom?.name]
    if (calls[index]) expect(opening).toEqual([undefined, undefined, undefined])
    else expect(opening).toEqual([expect.any(String), custom ? 'custom' : 'function', expect.any(String)])
    const [knownId, name, json] = calls[index] ?? [id ?? '', called?.name ?? custom?.name ?? '', '']
    calls[index] = [knownId ?? '', name ?? '', `${json}${called?.arguments ?? custom?.input ?? ''}`]
  }
  return calls
}

describe('tool-call deltas', () => {
  for (const { name, deltas, calls } of cases) {
    const read = () => {
      let made = 0
      const reader = new ToolCalls(new PartWriter(), () => `made_${++made}`)
      return [...deltas.map((delta) => reader.read(delta)), ...reader.close()]
    }

    test(`${name}: events`, () => {
      const found: string[][] = []
      for (const event of read().flatMap(({ events }) => events)) {
        if (event.type === 'tool-call') expect(found.push([event.id, event.name, ''])).toBe(event.part + 1)
        else if (event.type === 'tool-arguments')
          found[event.part]?.splice(2, 1, `${found[event.part]?.[2]}${event.json}`)
      }
      expect(found).toEqual(calls.map((call) => [...call]))
    })
    test(`${name}: relayed`, () => {
      expect(addUp(read().map(({ relay }) => relay))).toEqual(calls.map((call) => [...call]))
    })
  }

  test('a valid delta is relayed as the same object', () => {
    const opening = { index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '', own: 1 }, own: 2 }
    const more = { index: 0, function: { arguments: '{}' }, own: 3 }
    const reader = new ToolCalls(new PartWriter(), () => 'made')
    expect(reader.read(opening).relay).toBe(opening)
    expect(reader.read(more).relay).toBe(more)
  })

  test('a corrected delta keeps its unknown fields', () => {
    const reader = new ToolCalls(new PartWriter(), () => 'made')
    const { relay } = reader.read({ function: { name: 'f', arguments: {}, own: 1 }, own: 2 })
    expect(relay).toEqual({
      index: 0,
      id: 'made',
      type: 'function',
      function: { name: 'f', arguments: '{}', own: 1 },
      own: 2,
    })
  })

  test('a later delta has no id, type or name, not even null, because the SDK would start another call', () => {
    const reader = new ToolCalls(new PartWriter(), () => 'made')
    reader.read({ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' } })
    const { relay } = reader.read({ index: 0, id: '', type: null, function: { name: null, arguments: '{}' } })
    expect(relay).toStrictEqual({ index: 0, function: { arguments: '{}' } })
    const { relay: again } = reader.read({ index: 0, type: null, function: { arguments: ' ' } })
    expect(again).toStrictEqual({ index: 0, function: { arguments: ' ' } })
  })

  test('arguments of a megabyte in small pieces, each with the name, are read in linear time', () => {
    const reader = new ToolCalls(new PartWriter(), () => 'made')
    reader.read(part('{"a":"', { index: 0, name: 'f' }))
    // reading them again with each piece would exceed the time limit of a test
    for (let at = 0; at < 200_000; at++) reader.read(part('}}}}}', { index: 0, name: 'f' }))
    expect(reader.count).toBe(1)
  })
})
