import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { z } from 'zod'
import { runs } from '../../test/sizes.ts'
import { httpUrl, oneOf, socketUrl, wholeNumber, yesAndNo } from './read-value.ts'

const numRuns = runs(5_000)

/** The value that a schema makes of a text; undefined if it refuses it. */
const bySchema = <T>(schema: z.ZodType<T>, text: string) => schema.safeParse(text).data

const urlSchema = z.url({ protocol: /^https?$/ }).refine((text) => {
  const url = URL.parse(text)
  return !/[?#]/.test(text) && url?.username === '' && url.password === ''
})
const piece = fc.constantFrom(
  ...'/ : @ ? # . a 1 \t \n % \\ é - + [ ]'.split(' '),
  '//',
  '://',
  'host',
  'a:b@',
  '[::1]',
  ':80',
)
const scheme = fc.constantFrom(
  'http',
  'https',
  'HTTPS',
  'ws',
  'wss',
  'WS',
  'http://',
  'https://',
  'ws://',
  'ftp://',
  '',
)
const url = fc.tuple(scheme, fc.array(piece, { maxLength: 6 })).map(([start, rest]) => (start + rest.join('')).trim())

test('a URL is read as a schema reads it', () => {
  const texts = fc.oneof(url, fc.webUrl({ withQueryParameters: true }))
  fc.assert(
    fc.property(texts, (text) => {
      const read = bySchema(urlSchema, text)
      expect(httpUrl(text)).toBe(read)
      const isSocket = /^wss?:/.test(text) && bySchema(urlSchema, text.replace('ws', 'http')) !== undefined
      expect(socketUrl(text)).toBe(isSocket ? text : read)
    }),
    { numRuns },
  )
})

test('a whole number is read as a schema reads it', () => {
  const digits = fc.array(fc.constantFrom(...'0123456789.-+e '), { maxLength: 17 }).map((all) => all.join(''))
  fc.assert(
    fc.property(fc.oneof(digits, fc.integer().map(String)), fc.nat(), fc.nat(), (text, min, max) => {
      const schema = z
        .string()
        .regex(/^\d{1,15}$/)
        .transform(Number)
        .pipe(z.int().min(min).max(max))
      expect(wholeNumber(min, max)(text)).toBe(bySchema(schema, text))
    }),
    { numRuns },
  )
})

test.each([
  ['TRUE', 'true'],
  ['Yes', 'true'],
  ['0', 'false'],
  ['constructor', undefined],
  ['__proto__', undefined],
  ['maybe', undefined],
] as const)('%p is the word %p', (text, word) => expect(oneOf(['true', 'false'], yesAndNo)(text)).toBe(word))
