import { describe, expect, test } from 'bun:test'
import { type ChainHead, type ChainKey, chainBegins, chainEnds, chainKeyOf, LogChain } from './log-chain.ts'
import { ChainVerifier } from './verify-chain.ts'

const key = chainKeyOf('a secret of the operator')

interface Writing {
  readonly id?: string
  readonly count?: number
  readonly key?: ChainKey
  readonly after?: readonly ChainHead[]
}

/** The lines of a process that ran to its end. */
function write({ id = 'a', count = 5, key, after = [] }: Writing = {}): string[] {
  const chain = new LogChain(id, key)
  const lines = [
    { after, msg: chainBegins },
    ...Array.from({ length: count - 2 }, (_, at) => ({ at, msg: 'chat' })),
    { msg: chainEnds },
  ]
  return lines.map((line) => chain.seal(`${JSON.stringify({ level: 'info', ...line })}\n`).trimEnd())
}

function verify(lines: readonly string[], keys: readonly Uint8Array[] = []) {
  const verifier = new ChainVerifier(keys)
  for (const [at, text] of lines.entries()) verifier.add(text, { file: 'a.log', line: at + 1 })
  const { findings, notes, chains } = verifier.report()
  const short = (found: typeof findings) =>
    found.map(({ kind, line }) => (line === undefined ? kind : `${kind} at ${line}`))
  return { findings: short(findings), notes: short(notes), chains }
}

const swap = (lines: readonly string[], at: number, line: string) => lines.with(at, line)

for (const [sealed, used] of [
  ['with a key', key],
  ['without a key', undefined],
] as const) {
  describe(`a chain that is sealed ${sealed}`, () => {
    const keys = used ? [used] : []
    const lines = write({ key: used })

    test('is whole, also among the lines of another process', () => {
      const other = write({ id: 'b', key: used })
      const mixed = lines.flatMap((line, at) => [line, other[at] ?? ''])
      expect(verify(mixed, keys)).toMatchObject({
        findings: [],
        notes: [],
        chains: [{ n: 5, isEnded: true, isKeyed: used !== undefined }, { n: 5 }],
      })
    })

    const wrong: readonly (readonly [string, readonly string[], readonly string[]])[] = [
      ['a changed digit', swap(lines, 2, (lines[2] ?? '').replace('"at":1', '"at":7')), ['changed at 3']],
      [
        'a changed seal',
        swap(lines, 2, (lines[2] ?? '').replace(/.{4}"\}$/, '0000"}')),
        ['changed at 3', 'changed at 4'],
      ],
      ['a removed line', lines.toSpliced(2, 1), ['missing at 3']],
      ['three removed lines', lines.toSpliced(1, 3), ['missing at 2']],
      ['a line twice', lines.toSpliced(2, 0, lines[1] ?? ''), ['repeated at 3']],
      [
        'two lines the other way round',
        swap(swap(lines, 2, lines[3] ?? ''), 3, lines[2] ?? ''),
        ['missing at 3', 'repeated at 4'],
      ],
      ['an added line', lines.toSpliced(2, 0, '{"level":"info","msg":"chat"}'), ['unsealed at 3']],
      [
        'a removed end, which the next process has seen',
        [...lines.slice(0, 3), ...write({ id: 'b', key: used, after: [{ chain: 'a', n: 5, seal: '' }] })],
        ['missing at 4'],
      ],
    ]
    for (const [name, text, findings] of wrong)
      test(`shows ${name}`, () => expect(verify(text, keys).findings).toEqual([...findings]))

    test('may have lost its beginning by age, its end by a kill, and half a line', () => {
      expect(verify(lines.slice(2), keys)).toMatchObject({
        findings: [],
        notes: ['older'],
        chains: [{ first: 3, isEnded: true }],
      })
      expect(verify(lines.slice(0, 3), keys)).toMatchObject({ findings: [], chains: [{ n: 3, isEnded: false }] })
      expect(verify([...lines.slice(0, 3), (lines[3] ?? '').slice(0, 30)], keys)).toMatchObject({
        findings: [],
        notes: ['torn at 4'],
      })
    })
  })
}

test('lines that are older than the first chain are a note', () => {
  expect(verify(['{"msg":"chat"}', ...write()])).toMatchObject({ findings: [], notes: ['unsealed'] })
})

test('whoever does not know the secret can make no line: neither in place of one, nor a whole chain', () => {
  const forged = write()
  expect(verify(forged, [key]).findings).toEqual(['keyless'])
  const lines = write({ key })
  expect(verify(swap(lines, 2, forged[2] ?? ''), [key]).findings).toEqual([
    'changed at 3',
    'changed at 3',
    'changed at 4',
  ])
})

test('without the right secret a chain is one finding, and a former secret opens it', () => {
  const lines = write({ key, count: 50 })
  expect(verify(lines).findings).toEqual(['unreadable'])
  expect(verify(lines, [chainKeyOf('another one')]).findings).toEqual(['unreadable'])
  expect(verify(lines, [chainKeyOf('another one'), key]).findings).toEqual([])
})

test('what a line says of other chains is not printed if it is no name of a chain', () => {
  const odd = [
    { chain: '\u001b[2J', n: 3, seal: '' },
    { chain: 'b'.repeat(41), n: 3, seal: '' },
    { chain: 'b', n: 1e300, seal: '' },
  ]
  expect(verify(write({ after: odd })).notes).toEqual([])
  expect(verify(write({ after: [{ chain: 'b', n: 3, seal: '' }] })).notes).toEqual(['older'])
})
