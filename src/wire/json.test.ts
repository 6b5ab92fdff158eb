import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../test/sizes.ts'
import { nestsTooDeep, readUpstreamJson } from './json.ts'

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

test('item 29: the depth of a text is the depth of its parsed value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), fc.nat(8), fc.constantFrom(0, 2), (value, limit, indent) => {
      expect(nestsTooDeep(JSON.stringify(value, null, indent), limit)).toBe(depthOf(value) > limit)
    }),
    { numRuns: runs(1_000) },
  )
})

test('item 29: 64 nested brackets are allowed, 65 are not', () => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    expect(nestsTooDeep(`${open.repeat(64)}1${close.repeat(64)}`)).toBe(false)
    expect(nestsTooDeep(`${open.repeat(65)}1${close.repeat(65)}`)).toBe(true)
  }
})

test('brackets in strings do not count, escaped quotes do not end a string', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[[{"\\\]}a]*$/), (said) => {
      expect(nestsTooDeep(JSON.stringify([said]), 1)).toBe(false)
      expect(nestsTooDeep(`[${JSON.stringify(said)},[]]`, 1)).toBe(true)
    }),
  )
})

test('brackets after the start of an unfinished string are inside it', () => {
  expect(nestsTooDeep(`"${'['.repeat(1_000)}`)).toBe(false)
  expect(nestsTooDeep(`"\\"${'['.repeat(1_000)}`)).toBe(false)
})

test('item 29: five million brackets or backslashes are checked in linear time', () => {
  const startedAt = performance.now()
  expect(nestsTooDeep('['.repeat(5_000_000))).toBe(true)
  expect(nestsTooDeep('[]'.repeat(2_500_000))).toBe(false)
  expect(nestsTooDeep(`"${'\\\\'.repeat(2_500_000)}"`)).toBe(false)
  expect(nestsTooDeep(`"${'\\"'.repeat(2_500_000)}"`)).toBe(false)
  expect(performance.now() - startedAt).toBeLessThan(2_000)
})

describe("an upstream's long JSON", () => {
  const megabytes = 3 * 1024 * 1024
  const texts: Readonly<Record<string, string>> = {
    'a long text': `{"a":"${'Слово \\n'.repeat(megabytes / 12)}"}`,
    'many lists': `{"a":[${'[],'.repeat(450_000)}[]]}`,
    'many members': `{${Array.from({ length: 90_000 }, (_, at) => `"k${at}":{"token":"a","logprob":-0.5}`).join(',')}}`,
    'numbers that lose digits': `{"pad":"${'é'.repeat(megabytes / 2)}","seed":12345678901234567890,"big":1e400}`,
  }
  for (const [name, json] of Object.entries(texts))
    test(`${name}: it is read like JSON.parse reads it, and no step is over 512 KB`, async () => {
      const read: number[] = [0]
      const bytes = Buffer.from(json)
      const value = await readUpstreamJson(bytes, { pause: async (at) => void read.push(at) })
      expect(JSON.stringify(value) === JSON.stringify(JSON.parse(json))).toBe(true)
      const steps = [...read, bytes.byteLength].map((at, index, all) => at - (all[index - 1] ?? 0))
      expect(Math.max(...steps)).toBeLessThanOrEqual(512 * 1024)
      expect(steps.length).toBeGreaterThan(4)
    })

  test('invalid UTF-8 is read like the decoder reads it', async () => {
    for (const odd of [0xff, 0x80, 0xc3, 0xf0]) {
      const bytes = Buffer.from(`{"a":"${'x'.repeat(megabytes)}","b":"${'y'.repeat(200_000)}"}`)
      bytes.fill(odd, 1_000, 200_000)
      bytes[megabytes + 100_000] = odd
      expect((await readUpstreamJson(bytes)) !== undefined).toBe(true)
    }
  })

  test('invalid JSON of any length is undefined', async () => {
    expect(await readUpstreamJson(Buffer.from(`data: {"a":"${'x'.repeat(megabytes)}"}\n\n`))).toBeUndefined()
    expect(await readUpstreamJson(Buffer.from(`{"a":"${'x'.repeat(megabytes)}`))).toBeUndefined()
  })

  test('has the same bounds as short JSON', async () => {
    const pad = `"${'x'.repeat(megabytes)}"`
    const failure = async (json: string) =>
      readUpstreamJson(Buffer.from(json)).then(
        () => undefined,
        (thrown: unknown) => String(thrown),
      )
    expect(await failure(`[${pad},${'['.repeat(64)}`)).toContain('nests deeper than 64 levels')
    expect(await failure(`[${pad},${'[],'.repeat(600_000)}[]]`)).toContain('holds more than 1000000 values')
    expect(await failure(`[${pad},${'[],'.repeat(400_000)}[]]`)).toBeUndefined()
  })
})
