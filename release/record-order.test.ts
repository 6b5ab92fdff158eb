import { expect, test } from 'bun:test'
import { sortedOrder } from './record-order.ts'

test('two runs that used the same functions at other times make the same order', () => {
  expect(sortedOrder('v2\nF b\nF a\nM c\n')).toBe('v2\nF a\nF b\nM c\n')
  expect(sortedOrder('v2\nM c\nF a\nF b\n')).toBe(sortedOrder('v2\nF b\nF a\nM c\n'))
})
