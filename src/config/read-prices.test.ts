import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Environment } from './environment.ts'
import { readPrices } from './read-prices.ts'

const folder = mkdtempSync(join(tmpdir(), 'prices-'))
afterAll(() => rmSync(folder, { recursive: true }))

function read(text: string) {
  const path = join(folder, 'prices')
  writeFileSync(path, text)
  return readAt(path)
}

function readAt(path: string) {
  const environment = new Environment({ PRICES_FILE: path })
  return { prices: readPrices(environment), problems: environment.problems.map(({ problem }) => problem) }
}

const everyPrice = {
  input: 3,
  cached_input: 0.3,
  cache_write: 3.75,
  cache_write_1h: 6,
  output: 15,
  reasoning: 20,
  request: 0.01,
}

test('prices are read from JSON, and their names are those of the documents', () => {
  const { prices, problems } = read(JSON.stringify({ prices: { 'lab/m': everyPrice } }))
  expect(problems).toEqual([])
  expect(prices.ratesOf('lab', 'm')).toEqual({
    ...{ input: 3, cached: 0.3, write: 3.75, write1h: 6, output: 15 },
    ...{ reasoning: 20, request: 0.01 },
  })
})

test('prices are read from YAML', () => {
  const { prices, problems } = read('prices:\n  ollama/*: {input: 0, output: 0}\n  lab/a/b:\n    input: 1\n')
  expect(problems).toEqual([])
  expect([prices.ratesOf('ollama', 'llama3:8b'), prices.ratesOf('lab', 'a/b'), prices.ratesOf('lab', 'a')]).toEqual([
    { input: 0, output: 0 },
    { input: 1 },
    undefined,
  ])
})

test('without a file there are none', () => {
  expect(readPrices(new Environment({})).size).toBe(0)
})

describe('a start fails for', () => {
  for (const [text, problem] of [
    ['', 'names a file that has no prices'],
    ['[1]', 'names a file that has no prices'],
    ['{"prices": ', 'names a file that has no prices'],
    ['prices: 3', 'names a file that has no prices'],
    ['prices: {m: {input: 1}}', 'has a problem at "m": it is not upstream/model'],
    ['prices: {"lab/a b": {input: 1}}', 'has a problem at "lab/a b": it is not upstream/model'],
    ['prices: {lab/m: 1}', 'has a problem at "lab/m": it has no "input"'],
    ['prices: {lab/m: {output: 1}}', 'has a problem at "lab/m": it has no "input"'],
    ['prices: {lab/m: {input: 1, outptu: 1}}', 'has a problem at "lab/m": "outptu" is no price'],
    [
      'prices: {lab/m: {input: -1}}',
      'has a problem at "lab/m": "input" is no number of US dollars for a million tokens',
    ],
    [
      'prices: {lab/m: {input: "1"}}',
      'has a problem at "lab/m": "input" is no number of US dollars for a million tokens',
    ],
    [
      'prices: {lab/m: {input: .nan}}',
      'has a problem at "lab/m": "input" is no number of US dollars for a million tokens',
    ],
  ] as const)
    test(text, () => expect(read(text).problems).toEqual([problem]))

  test('a file that is not there', () => {
    expect(readAt(join(folder, 'missing')).problems).toEqual(['names a file that cannot be read'])
  })
})
