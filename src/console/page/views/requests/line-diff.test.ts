import { expect, test } from 'bun:test'
import { diffLines, foldSame } from './line-diff.ts'

const signs = { same: ' ', removed: '-', added: '+', folded: '…' } as const

function write(
  lines: readonly { readonly kind: keyof typeof signs; readonly text?: string; readonly count?: number }[],
) {
  return lines.map(({ kind, text, count }) => `${signs[kind]}${text ?? count}`).join('|')
}

const cases = [
  { name: 'equal texts', a: 'x\ny', b: 'x\ny', diff: ' x| y' },
  { name: 'a line in the middle', a: 'x\nz', b: 'x\ny\nz', diff: ' x|+y| z' },
  { name: 'a line that is gone', a: 'x\ny\nz', b: 'x\nz', diff: ' x|-y| z' },
  { name: 'a changed line', a: 'x\ny\nz', b: 'x\nw\nz', diff: ' x|-y|+w| z' },
  { name: 'lines that moved', a: 'a\nb\nc', b: 'b\nc\na', diff: '-a| b| c|+a' },
  { name: 'two changes', a: 'a\nb\nc\nd\ne', b: 'a\nB\nc\nD\ne', diff: ' a|-b|+B| c|-d|+D| e' },
  { name: 'repeated lines', a: 'x\nx', b: 'x\nx\nx', diff: ' x| x|+x' },
  { name: 'nothing and something', a: '', b: 'x', diff: '-|+x' },
] as const

for (const { name, a, b, diff } of cases) test(`compares ${name}`, () => expect(write(diffLines(a, b))).toBe(diff))

test('two random texts can be made of their difference', () => {
  let seed = 7
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) % 5
  for (let round = 0; round < 200; round++) {
    const [a, b] = [0, 1].map(() => Array.from({ length: random() * 4 + 1 }, () => 'abcde'.charAt(random())).join('\n'))
    const lines = diffLines(a ?? '', b ?? '')
    const side = (other: string) => lines.flatMap(({ kind, text }) => (kind === other ? [] : [text])).join('\n')
    expect([side('added'), side('removed')]).toEqual([a ?? '', b ?? ''])
  }
})

test('texts too long to compare differ as a whole, apart from what they share at both ends', () => {
  const many = (word: string) => Array.from({ length: 3_000 }, (_, at) => `${word}${at}`).join('\n')
  const lines = diffLines(`head\n${many('a')}\nboth\ntail`, `head\n${many('b')}\nboth\ntail`)
  expect(lines.filter(({ kind }) => kind === 'same').map(({ text }) => text)).toEqual(['head', 'both', 'tail'])
  expect(lines).toHaveLength(6_003)
})

test('long runs of equal lines are folded, with three lines around each difference', () => {
  const lines = Array.from({ length: 20 }, (_, at) => `${at}`)
  const changed = lines.with(10, 'new')
  expect(write(foldSame(diffLines(lines.join('\n'), changed.join('\n'))))).toBe('…7| 7| 8| 9|-10|+new| 11| 12| 13|…6')
  expect(write(foldSame(diffLines('a\nb', 'a\nc')))).toBe(' a|-b|+c')
})
