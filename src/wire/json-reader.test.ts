import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../test/sizes.ts'
import { type JsonBounds, scanJson } from './json-bounds.ts'
import { JsonReader } from './json-reader.ts'
import type { JsonReading } from './json-reading.ts'
import { readJson } from './read-json.ts'

const encoder = new TextEncoder()

function readAll(bytes: Uint8Array, bounds?: JsonBounds): JsonReading {
  const steps = new JsonReader(bytes, bounds).steps()
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value
}

const read = (json: string) => readAll(encoder.encode(json))

function parsed(json: string): JsonReading {
  try {
    return { value: JSON.parse(json) }
  } catch {
    return { invalid: 'json' }
  }
}

/** Turns what was read into plain values; numbers of `JSON.rawJSON` become plain numbers. */
const again = (reading: JsonReading): unknown => JSON.parse(JSON.stringify(reading))

const odd = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '\\u00',
  '1',
  '-',
  'e5',
  '.',
  'tru',
  'null',
  ' ',
  '\n',
  '\0',
  '\u2028',
  '01',
  '+',
]

describe('it reads the same JSON as JSON.parse', () => {
  const value = fc.jsonValue({ maxDepth: 5 })
  const key = fc.constantFrom('__proto__', 'constructor', '', 'a', 'b"', '\\', '\ud83d\ude00', '\ufeff')
  const keyed = fc
    .array(fc.tuple(key, fc.jsonValue({ maxDepth: 2 })))
    .map((pairs) => `{${pairs.map(([name, one]) => `${JSON.stringify(name)}:${JSON.stringify(one)}`).join(',')}}`)
  const texts = fc.oneof(
    fc.tuple(value, fc.constantFrom(0, 1, '\t')).map(([one, indent]) => JSON.stringify(one, null, indent)),
    keyed,
    fc.json({ maxDepth: 4, noUnicodeString: false }),
  )

  test('for any valid text', () => {
    fc.assert(
      fc.property(texts, (json) => expect(JSON.stringify(again(read(json)))).toBe(JSON.stringify(parsed(json)))),
      { numRuns: runs(2_000) },
    )
  }, 30_000)

  test('and it refuses the same texts', () => {
    const broken = fc.tuple(texts, fc.nat(), fc.constantFrom(...odd), fc.nat(2)).map(([json, place, piece, cut]) => {
      const at = place % (json.length + 1)
      return json.slice(0, at) + piece + json.slice(at + cut)
    })
    fc.assert(
      fc.property(broken, (json) =>
        expect(JSON.stringify(again(read(json)))).toBe(
          JSON.stringify(parsed(new TextDecoder().decode(encoder.encode(json)))),
        ),
      ),
      { numRuns: runs(5_000) },
    )
  }, 30_000)

  test('the name of an inherited member is a member like any other', () => {
    const reading = read('{"__proto__":{"polluted":true},"a":{"constructor":1}}')
    expect(reading).toEqual(parsed('{"__proto__":{"polluted":true},"a":{"constructor":1}}'))
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
  })

  for (const json of [
    '',
    ' ',
    '[1,]',
    '{"a":1,}',
    '{,}',
    '[,1]',
    '{"a"}',
    '{"a":}',
    '{1:2}',
    '1 2',
    '[1}',
    '{"a":1]',
    'nul',
    '"a',
    '"\\',
    '"\t"',
    '\u00a01',
    '--1',
    '[1]]',
  ])
    test(`${JSON.stringify(json)} is not JSON`, () => expect(read(json)).toEqual({ invalid: 'json' }))
})

describe('a long string', () => {
  const pieces = ['a', '\\n', '\\"', '\\\\', '\\u00e9', '\\ud83d\\ude00', 'é', '漢', '😀', '/']
  test('is read correctly, wherever the reader cuts it', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 7 }), fc.nat(9), (some, shift) => {
        const json = `["${'x'.repeat(shift)}${some.join('').repeat(30_000)}"]`
        expect(read(json)).toEqual(parsed(json))
      }),
      { numRuns: runs(60) },
    )
  }, 60_000)

  test('that is not UTF-8 is reported', () => {
    const bytes = encoder.encode(`["${'é'.repeat(100_000)}"]`)
    bytes[150_003] = 0xff
    expect(readAll(bytes)).toEqual({ invalid: 'utf-8' })
  })
})

test('a text that is not UTF-8 leaves nothing behind for the next one', () => {
  expect(readJson(Uint8Array.of(0x22, 0xe2, 0x82))).toEqual({ invalid: 'utf-8' })
  expect(readJson(Uint8Array.of(0xac, 0x22))).toEqual({ invalid: 'utf-8' })
  expect(readJson(encoder.encode('"€"'))).toEqual({ value: '€' })
})

test('numbers that would lose digits are written unchanged', () => {
  const json = '{"seed":12345678901234567890,"min":-9223372036854775808,"max":1e400,"a":[9007199254740993,1.5,-0,12e3]}'
  const reading = read(json)
  if (!('value' in reading)) throw new Error('not read')
  expect(JSON.stringify(reading.value)).toBe(json.replace('-0', '0').replace('12e3', '12000'))
})

describe('bounds', () => {
  const bounds = { depth: 4, values: 40, members: 10, items: 20 }
  const cases: Readonly<Record<keyof JsonBounds, readonly [string, string]>> = {
    depth: ['[[[[1]]]]', '[[[[[1]]]]]'],
    items: [`[${'1,'.repeat(19)}1]`, `[${'1,'.repeat(20)}1]`],
    members: [`{${'"a":1,'.repeat(9)}"a":1}`, `{${'"a":1,'.repeat(10)}"a":1}`],
    values: [`[${'[],'.repeat(17)}[]]`, `[${'[[]],'.repeat(17)}[[]]]`],
  }
  for (const bound of ['depth', 'items', 'members', 'values'] as const)
    test(`${bound}: the scan and the reader have the same bounds`, () => {
      const [within, over] = cases[bound]
      expect(scanJson(within, bounds).crossed).toBeUndefined()
      expect(readAll(encoder.encode(within), bounds)).toHaveProperty('value')
      expect(scanJson(over, bounds).crossed).toBe(bound)
      expect(readAll(encoder.encode(over), bounds)).toEqual({ crossed: bound })
    })

  test('the scan jumps over strings', () => {
    expect(scanJson(`["${',[{'.repeat(100)}\\",[,"]`, bounds)).toEqual({ hasLongNumber: false })
  })

  test('only a long number makes the scan report a long number', () => {
    const long = (json: string) => scanJson(json).hasLongNumber
    expect(['1234567890123456', '[1e5]', '[1E5]', '0.1234567890123456'].map(long)).toEqual([true, true, true, false])
    expect(['"1234567890123456e9"', '123456789012345', 'true', '[1,false]'].map(long)).toEqual([
      false,
      false,
      false,
      false,
    ])
  })
})

describe('many bytes are read in steps', () => {
  const megabytes = 4 * 1024 * 1024
  const bodies: Readonly<Record<string, string>> = {
    'one string': `{"a":"${'é'.repeat(megabytes / 2)}"}`,
    'a string of escaped quotes': `{"a":"${'\\"'.repeat(megabytes / 2)}"}`,
    'a string of backslashes': `{"a":"${'\\\\'.repeat(megabytes / 2)}"}`,
    'many strings': `[${Array.from({ length: 40_000 }, () => `"${'b'.repeat(100)}"`).join(',')}]`,
    'white space': `[${' '.repeat(megabytes)}1]`,
    'many messages': `[${Array.from({ length: 25_000 }, () => `{"role":"user","content":"${'c'.repeat(120)}"}`).join(',')}]`,
  }
  for (const [name, json] of Object.entries(bodies))
    test(`${name}: no step is over 512 KB`, async () => {
      const read: number[] = [0]
      const bytes = encoder.encode(json)
      const reading = await readJson(bytes, { pause: async (at) => void read.push(at) })
      expect(reading).toEqual({ value: JSON.parse(json) })
      const steps = [...read, bytes.byteLength].map((at, index, all) => at - (all[index - 1] ?? 0))
      expect(Math.max(...steps)).toBeLessThanOrEqual(512 * 1024)
      expect(steps.length).toBeGreaterThan(4)
    })

  test('a list that is too long is given up after a small part of it', async () => {
    const read = [0]
    const bytes = encoder.encode(`{"messages":[${'{},'.repeat(10_000_000)}{}]}`)
    expect(await readJson(bytes, { pause: async (at) => void read.push(at) })).toEqual({ crossed: 'values' })
    expect(Math.max(...read)).toBeLessThan(1024 * 1024)
  })
})

describe('a short body is read without a scan of its text', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  const objects = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`

  test('its depth has the same bound', async () => {
    for (const json of [nested(64), objects(64)]) expect(await readJson(encoder.encode(json))).toHaveProperty('value')
    for (const json of [nested(65), objects(65)])
      expect(await readJson(encoder.encode(json))).toEqual({ crossed: 'depth' })
  })

  test('its numbers keep their digits', async () => {
    const json = '{"a":[9007199254740993,-9007199254740993,1e400],"b":{"c":123456789012345678}}'
    const reading = await readJson(encoder.encode(json))
    expect('value' in reading && JSON.stringify(reading.value)).toBe(json)
  })

  test('every value of a short text is within the other bounds', () => {
    for (const json of [`[${'1,'.repeat(98_302)}1]`, `{${'"":1,'.repeat(39_319)}"":1}`]) {
      expect(json.length).toBeLessThanOrEqual(192 * 1024)
      expect(scanJson(json).crossed).toBeUndefined()
    }
  })

  test('a text of long strings is read by the reader, with the same value', async () => {
    const texts = [
      JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'A'.repeat(300_000) }], seed: 7 }),
      JSON.stringify({ a: Array.from({ length: 9 }, () => 'é"\n'.repeat(20_000)) }),
      `{"a":"${'A'.repeat(400_000)}","b":12345678901234567890}`,
    ]
    for (const json of texts) {
      const reading = await readJson(encoder.encode(json))
      expect('value' in reading && JSON.stringify(reading.value)).toBe(json)
    }
    expect(await readJson(encoder.encode(`["${'A'.repeat(400_000)}"`))).toEqual({ invalid: 'json' })
    expect(await readJson(encoder.encode(`["${'A'.repeat(400_000)}",${nested(64)}]`))).toEqual({ crossed: 'depth' })
  })
})
