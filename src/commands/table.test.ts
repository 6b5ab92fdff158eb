import { describe, expect, test } from 'bun:test'
import { table } from './table.ts'

const head = ['who', 'why']

describe('a table', () => {
  test('has columns as wide as their texts, and no spaces at the end of a line', () => {
    const rows = [
      ['cohere', 'it works'],
      ['x', ''],
    ]
    expect(table(head, rows)).toBe('who     why\ncohere  it works\nx\n')
  })

  test('wraps the text of its widest column if the line is too long', () => {
    const rows = [['cohere', 'the upstream refused the account']]
    expect(table(head, rows, 30)).toBe('who     why\ncohere  the upstream refused\n        the account\n')
  })

  test('narrows two wide columns equally, and cuts a word that is too long', () => {
    const text = table(head, [['a'.repeat(40), 'word '.repeat(8).trim()]], 42)
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(42)
    expect(text.replaceAll(/[^a]/g, '')).toHaveLength(40)
    expect(text.match(/word/g)).toHaveLength(8)
  })

  test('is printed in full, even if the terminal is too narrow', () => {
    const text = table(['a', 'b'], [['first '.repeat(5).trim(), 'second '.repeat(5).trim()]], 10)
    expect(text.match(/first/g)).toHaveLength(5)
    expect(text.match(/second/g)).toHaveLength(5)
  })

  test('never moves the cursor or breaks a line, even if a cell has control characters', () => {
    expect(table(head, [['a\u001b[31m\r\nb', '\u202ec\u2028d']])).toBe('who       why\na [31m b   c d\n')
  })
})
