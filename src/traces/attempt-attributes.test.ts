import { expect, test } from 'bun:test'
import { attemptAttributes } from './attempt-attributes.ts'

test('a span names what is asked as the metrics do', () => {
  const nameOf = (request: { task?: 'image' | 'embedding' }) =>
    attemptAttributes({ upstream: 'lab', account: undefined, model: 'm', request: { model: 'm', ...request } })[
      'gen_ai.operation.name'
    ]
  expect([nameOf({}), nameOf({ task: 'embedding' }), nameOf({ task: 'image' })]).toEqual([
    'chat',
    'embeddings',
    'image_generation',
  ])
})
