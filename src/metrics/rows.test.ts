import { expect, test } from 'bun:test'
import { Rows } from './rows.ts'

const count = () => ({ count: 0 })

test('a row is found again by its values, and an empty value is no label', () => {
  const rows = new Rows({ labels: ['a', 'b'], max: 10, create: count })
  rows.of('x', 'y').count++
  rows.of('x', 'y').count++
  rows.of('x', '').count++
  expect(rows.all).toEqual([
    { labels: { a: 'x', b: 'y' }, row: { count: 2 } },
    { labels: { a: 'x' }, row: { count: 1 } },
  ])
})

test('values that would be one too many are counted together, and the known ones go on', () => {
  const rows = new Rows({ labels: ['a', 'b'], max: 3, create: count })
  for (let at = 0; at < 1_000; at++) rows.of('name', String(at)).count++
  rows.of('name', '2').count++
  expect(rows.all.map(({ labels, row }) => [labels.b, row.count])).toEqual([
    ['0', 1],
    ['1', 1],
    ['2', 2],
    ['other', 997],
  ])
})

test('a value does not reach into the place of another', () => {
  const rows = new Rows({ labels: ['a', 'b'], max: 10, create: count })
  rows.of('x', 'y\nz').count++
  rows.of('x\ny', 'z').count++
  expect(rows.all.map(({ row }) => row.count)).toEqual([1, 1])
})
