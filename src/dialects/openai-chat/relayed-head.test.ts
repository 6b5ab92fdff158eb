import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../../test/sizes.ts'
import { readSse } from '../../wire/sse.ts'
import { ReplyDecoder } from './decode-reply.ts'
import { StreamEncoder } from './encode-stream.ts'

const options = { id: 'ours', model: 'up/m', created: 5, includeUsage: false }

async function* source(bytes: Uint8Array) {
  yield bytes
}

/** Encodes chunks that come as texts, and the same chunks that come as values. */
async function relayed(texts: readonly string[], includeUsage: boolean) {
  const read = async (isText: boolean) => {
    const decoder = new ReplyDecoder({ choices: 1, newId: () => 'made' })
    const encoder = new StreamEncoder({ ...options, includeUsage })
    const sent = texts.flatMap((text) => decoder.chunk(JSON.parse(text), isText ? text : undefined))
    const bytes = new TextEncoder().encode(sent.map((event) => encoder.event(event)).join(''))
    const frames = await Array.fromAsync(readSse(source(bytes)))
    return frames.map(({ data }): unknown => JSON.parse(data))
  }
  return { asText: await read(true), asValue: await read(false) }
}

const head = '"id":"theirs","object":"chat.completion.chunk","created":7,"model":"m"'
const choices = (text: string) =>
  `"choices":[{"index":0,"delta":{"content":${JSON.stringify(text)}},"finish_reason":null}]`
const start = `{${head},${choices('a')}}`

const streams: Readonly<Record<string, readonly string[]>> = {
  'the usual': [start, `{${head},${choices('b')}}`, `{${head},${choices('c')}}`],
  'unknown fields before and after': [
    start,
    `{"x":1,${head},${choices('b')},"y":[]}`,
    `{"x":1,${head},${choices('c')},"y":{}}`,
  ],
  'usage: null in each chunk': [
    start,
    `{${head},${choices('b')},"usage":null}`,
    `{${head},${choices('c')},"usage":null}`,
  ],
  'usage: null before the choices': [
    start,
    `{"usage":null,${head},${choices('b')}}`,
    `{"usage":null,${head},${choices('c')}}`,
  ],
  'line breaks within a chunk': [
    start,
    `{\n${head},\n${choices('b')}\n}`,
    `{${head},${choices('c')},\n"x":1}`,
    `{${head},${choices('d')},\r"x":1}`,
  ],
  'white space': [start, `{ ${head} , ${choices('b')} }`, `{ ${head} , ${choices('c')} }`],
  'choices within another field before the choices': [start, `{"x":{"choices":[]},${head},${choices('b')}}`],
  'choices within a text before the choices': [start, `{"x":"\\"choices\\":[",${head},${choices('b')}}`],
  'a model after the choices': [
    start,
    `{"id":"t",${choices('b')},"x":1}`,
    `{"id":"t",${choices('c')},"model":"theirs"}`,
  ],
  'a head after the choices': [start, `{${choices('b')},${head}}`],
  'a head that changes': [
    start,
    `{${head},${choices('b')}}`,
    `{"id":"other",${choices('c')}}`,
    `{${head},${choices('d')}}`,
  ],
  'a text that looks like a head': [
    start,
    `{${head},${choices('","usage":null}')}}`,
    `{${head},${choices('"model":"theirs"')}}`,
  ],
}

describe('relaying the text of a chunk and relaying its value give the same result', () => {
  for (const [name, texts] of Object.entries(streams))
    for (const includeUsage of [false, true])
      test(`${name}, ${includeUsage ? 'with' : 'without'} usage asked for`, async () => {
        const { asText, asValue } = await relayed(texts, includeUsage)
        expect(asText).toHaveLength(texts.length)
        expect(asText.map((chunk) => ({ usage: null, ...Object(chunk) }))).toEqual(
          asValue.map((chunk) => ({ usage: null, ...Object(chunk) })),
        )
      })

  test('with any content', async () => {
    const member = fc.constantFrom('id', 'object', 'created', 'model', 'usage', 'x', 'y')
    const value = fc.oneof(fc.constant(null), fc.string(), fc.constant({ choices: [null] }), fc.constant('"choices":'))
    const members = fc.uniqueArray(fc.tuple(member, value), { selector: ([name]) => name, maxLength: 5 })
    const chunk = fc
      .tuple(members, members, fc.string({ unit: 'binary', minLength: 1 }), fc.constantFrom(undefined, 1, '\t'))
      .map(([before, after, content, indent]) => {
        const delta = { index: 0, delta: { content }, finish_reason: null }
        const fields: Record<string, unknown> = {
          ...Object.fromEntries(before),
          choices: [delta],
          ...Object.fromEntries(after),
        }
        return JSON.stringify(typeof fields.usage === 'string' ? { ...fields, usage: null } : fields, null, indent)
      })
    await fc.assert(
      fc.asyncProperty(fc.array(chunk, { minLength: 1, maxLength: 3 }), async (some) => {
        const { asText, asValue } = await relayed([...some, ...some], false)
        const normal = (chunks: readonly unknown[]) => chunks.map((each) => ({ usage: null, ...Object(each) }))
        expect(normal(asText)).toEqual(normal(asValue))
      }),
      { numRuns: runs(500) },
    )
  })
})
