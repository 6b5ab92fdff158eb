import { expect, test } from 'bun:test'
import { isIP } from 'node:net'
import fc from 'fast-check'
import { runs } from '../../test/sizes.ts'
import { ipVersion } from './ip-address.ts'

const group = fc.oneof(
  fc.constantFrom(
    '0',
    '00',
    '1',
    'ff',
    'FFFF',
    '12345',
    'g',
    '',
    '127.0.0.1',
    '1.2.3',
    '01.2.3.4',
    '256.1.1.1',
    '1.2.3.4.5',
  ),
  fc.integer({ min: 0, max: 0x1ffff }).map((number) => number.toString(16)),
)
const ending = fc.constantFrom(
  '',
  '',
  '',
  '%',
  '%eth0',
  '%a_b',
  '%1%2',
  '/64',
  '\t',
  '\n',
  ' ',
  ']',
  '[',
  '@a',
  '#',
  '?',
)
const ipv6 = fc.tuple(fc.array(group, { maxLength: 10 }), fc.constantFrom(':', ':', '::', '.'), ending).map(
  // one of the separators may be another one
  ([groups, other, end]) => groups.join(':').replace(/:(?=[^:]*$)/, other) + end,
)
const byte = fc.oneof(
  fc.integer({ min: 0, max: 300 }).map(String),
  fc.constantFrom('00', '01', '', 'a', '1e1', '0x1', ' 1', '+1'),
)
const ipv4 = fc
  .tuple(fc.array(byte, { minLength: 3, maxLength: 5 }), ending)
  .map(([bytes, end]) => bytes.join('.') + end)

test('the version of an address is that which Node finds', () => {
  const texts = fc.oneof(ipv4, ipv6, fc.ipV4(), fc.ipV6(), fc.ipV4Extended(), fc.domain(), fc.string())
  fc.assert(
    fc.property(texts, (text) => expect(ipVersion(text) ?? 0, text).toBe(isIP(text))),
    { numRuns: runs(20_000) },
  )
})

test.each([
  ['::', 6],
  ['::1', 6],
  ['1::', 6],
  ['1:2:3:4:5:6:7:8', 6],
  ['1:2:3:4:5:6:7::', 6],
  ['1::2:3:4:5:6:7:8', undefined],
  ['::ffff:127.0.0.1', 6],
  ['fe80::1%eth0', 6],
  ['0.0.0.0', 4],
  ['1.2.3', undefined],
  ['localhost', undefined],
  ['', undefined],
] as const)('%p has version %p', (text, version) => expect(ipVersion(text)).toBe(version))
