import { expect, test } from 'bun:test'
import { ModelNames } from './model-names.ts'

const answered = { hasAnswered: true } as const
const failed = { hasAnswered: false } as const

test('listed models and those that have answered have their names, all others are one', () => {
  const names = new ModelNames((model) => model === 'listed')
  expect(names.labelOf('listed', failed)).toBe('listed')
  expect(names.labelOf('new', failed)).toBe('other')
  expect(names.labelOf('new', answered)).toBe('new')
  expect(names.labelOf('new', failed)).toBe('new')
})

test('a listed model has its name also with the suffix for tools', () => {
  const names = new ModelNames((model) => model === 'listed')
  expect(names.labelOf('listed:tools', failed)).toBe('listed:tools')
  expect(names.labelOf('new:tools', failed)).toBe('other')
})

test('a name with signs that a reader of metrics may refuse, or cannot tell from others, is no name', () => {
  const names = new ModelNames(() => false)
  for (const name of ['a\u0000', 'a\nb', 'a\u202e', '\ud800', '\udfff'])
    expect(names.labelOf(name, answered)).toBe('other')
  expect(names.labelOf('"a" {b}\\ 模型 😀', answered)).toBe('"a" {b}\\ 模型 😀')
})

test('neither the number nor the length of the names has no bound', () => {
  const names = new ModelNames((model) => model.startsWith('listed'))
  const found = new Set<string>()
  for (let at = 0; at < 1_000; at++) found.add(names.labelOf(`name ${at}`, answered))
  expect(found.size).toBe(101)
  expect(names.labelOf(`listed${'x'.repeat(200)}`, answered)).toBe('other')
})
