import { describe, expect, test } from 'bun:test'
import { code, name, piecesOf, plain, shortened, withoutTurns } from './marks.ts'

describe('a name in a sentence', () => {
  test('is a piece of its own', () => {
    expect(piecesOf(`The account ${name('a')} has ${code('A_KEY')}.`)).toEqual([
      { kind: 'text', text: 'The account ' },
      { kind: 'name', text: 'a' },
      { kind: 'text', text: ' has ' },
      { kind: 'code', text: 'A_KEY' },
      { kind: 'text', text: '.' },
    ])
  })

  test('cannot end its own mark, whatever marks it has', () => {
    for (const evil of ['a\u2069b', 'a\u2068b', '\ue001x\ue000', 'a\u202eb', 'a\nb', '\u200fb'])
      for (const marked of [name(evil), code(evil)])
        expect(piecesOf(`before ${marked} after`).map(({ kind }) => kind)).toEqual([
          'text',
          marked.startsWith('\u2068') ? 'name' : 'code',
          'text',
        ])
  })

  test('is no longer than a sentence can bear', () => {
    expect([...shortened('n'.repeat(300))]).toHaveLength(80)
    expect(shortened('👍'.repeat(300), 10)).toBe(`${'👍'.repeat(9)}…`)
  })

  test('that is not known is a question mark', () => {
    expect(piecesOf(name(null))).toEqual([{ kind: 'name', text: '?' }])
  })
})

test('a label keeps names apart by the marks of Unicode alone', () => {
  expect(plain(`${name('a')} ${code('b')}`)).toBe('\u2068a\u2069 \u2068b\u2069')
})

test('a long text loses what turns its direction, and nothing else', () => {
  expect(withoutTurns('\u202egpj.exe\u202c مرحبا\n\u2067x\u2069')).toBe('\ufffdgpj.exe\ufffd مرحبا\n\ufffdx\ufffd')
})
