import { expect, test } from 'bun:test'
import { ratioRow, valueRow } from './rows.ts'

const found = new Map([
  ['direct', [1, 1]],
  ['pass-through', [10, 20]],
  ['tributary', [20, 30]],
])

test('a ratio is the median of the ratios of the single rounds, and is held against the goal', () => {
  const row = ratioRow('cost', found, { must: 1.75, aim: 1 })
  expect(Object.fromEntries(row.values)).toEqual({
    direct: '1',
    'pass-through': '15 (× 1.00)',
    tributary: '25 (× 1.75)',
  })
  expect(row).toMatchObject({ must: '<= × 1.75', aim: '<= × 1', isMet: true })
  expect(ratioRow('cost', found, { must: 1.7 }).isMet).toBe(false)
  expect(ratioRow('rate', found, { must: 1.8, moreIsBetter: true })).toMatchObject({ must: '>= × 1.8', isMet: false })
})

test('a plain number is the median of the rounds', () => {
  const row = valueRow('memory', found, { must: 25 }, { digits: 1, unit: 'MiB' })
  expect(Object.fromEntries(row.values)).toEqual({ direct: '1.0', 'pass-through': '15.0', tributary: '25.0' })
  expect(row).toMatchObject({ must: '<= 25 MiB', isMet: true })
})

test('a figure that was not found does not meet its goal', () => {
  expect(valueRow('memory', new Map(), { must: 25 }, { digits: 1 }).isMet).toBe(false)
})
