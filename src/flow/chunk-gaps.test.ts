import { expect, test } from 'bun:test'
import { ChunkGaps, chunkGapBounds } from './chunk-gaps.ts'

test('a gap is counted at the first bound that it does not exceed', () => {
  const gaps = new ChunkGaps()
  for (const gap of [0, 0.001, 0.03, 100]) gaps.add(gap)
  const counted = [...gaps.counts].flatMap((count, at) => (count > 0 ? [[chunkGapBounds[at], count]] : []))
  expect(counted).toEqual([
    [0.001, 2],
    [0.04, 1],
    [undefined, 1],
  ])
  expect([gaps.sum, gaps.longest]).toEqual([100.031, 100])
})
