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
  ]) {
    const { variables, problems } = readEnvLines(`${envLine('NAME', value)}\n`)
    expect([variables.map((one) => one.value), problems]).toEqual([[value], []])
  }
})
