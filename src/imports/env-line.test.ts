import { expect, test } from 'bun:test'
import { readEnvLines } from '../config/env-lines.ts'
import { envLine } from './env-line.ts'

test('a line is read back as it was', () => {
  for (const value of [
    'sk-1',
    'a b',
    "it's",
    'a"b',
    'a = b/c*3 | d; e = f > g',
    '#1',
    'a#b',
    '$HOME',
    'https://h/v1?x=1&y=2',
    'a\\b',
    'a"b\'c',
  ]) {
    const { variables, problems } = readEnvLines(`${envLine('NAME', value)}\n`)
    expect([variables.map((one) => one.value), problems]).toEqual([[value], []])
  }
})

test('a value that would begin another line, or end its quotes, is refused', () => {
  for (const value of ['a\nPORT=1', 'a\rb', `'"\``, 'a\\', '\ud800']) expect(envLine('NAME', value)).toBeUndefined()
})
