import { describe, expect, test } from 'bun:test'
import { BoundedLines } from './bounded-lines.ts'

/** Reads lines from any pieces. A line that is too long is shown as its head and its tail. */
function linesOf(pieces: readonly Uint8Array[], anyEnd = false): unknown[] {
  const lines = new BoundedLines({ maxBytes: 10, anyEnd })
  return pieces.flatMap((piece) =>
    lines.push(piece).map((line) => {
      if (line.kind === 'line') return line.text
      return line.kind === 'cut' ? { head: line.head.slice(0, 3) } : { tail: line.tail.slice(-3) }
    }),
  )
}

describe('two reads give the same lines, wherever the text is cut', () => {
  const cases: readonly (readonly [text: string, anyEnd: boolean, lines: readonly unknown[]])[] = [
    ['a\nbc\n\nd', false, ['a', 'bc', '']],
    ['ü道\né\n', false, ['ü道', 'é']],
    ['a\rb\n', false, ['a\rb']],
    ['a\r\nb\rc\n\r\n\r\rd\n', true, ['a', 'b', 'c', '', '', '', 'd']],
    ['0123456789\nb\n', false, ['0123456789', 'b']],
    ['0123456789xyz\nb\n', false, [{ head: '012' }, { tail: 'xyz' }, 'b']],
    ['0123456789xyz\r\nb\r\n', true, [{ head: '012' }, { tail: 'xyz' }, 'b']],
  ]
  for (const [text, anyEnd, lines] of cases)
    test(JSON.stringify(text), () => {
      const bytes = Buffer.from(text)
      for (let cut = 0; cut <= bytes.length; cut++)
        expect(linesOf([bytes.subarray(0, cut), bytes.subarray(cut)], anyEnd)).toEqual([...lines])
      expect(
        linesOf(
          [...bytes].map((byte) => Uint8Array.of(byte)),
          anyEnd,
        ),
      ).toEqual([...lines])
    })
})

test('a line that is too long is reported at once, and only its beginning and its end are kept', () => {
  const lines = new BoundedLines({ maxBytes: 1024 * 1024 })
  const mebibyte = Buffer.alloc(1024 * 1024, 'x')
  expect(lines.push(mebibyte)).toEqual([])
  const [cut] = lines.push(mebibyte)
  expect(cut).toEqual({ kind: 'cut', head: 'x'.repeat(64 * 1024) })
  for (let at = 0; at < 30; at++) expect(lines.push(mebibyte)).toEqual([])
  expect(lines.length).toBe(32 * 1024 * 1024)
  expect(lines.push(Buffer.from('the end\nnext\n'))).toEqual([
    { kind: 'cut-end', tail: `${'x'.repeat(1024 - 7)}the end` },
    { kind: 'line', text: 'next' },
  ])
  expect(lines.length).toBe(0)
})
