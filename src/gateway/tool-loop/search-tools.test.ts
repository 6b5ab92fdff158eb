import { expect, test } from 'bun:test'
import type { Tool } from '../../tools/tool.ts'
import { searchTools, wordsIn } from './search-tools.ts'
import { createTool } from './tools.double.ts'

function describe(name: string, description: string, properties: Readonly<Record<string, object>> = {}): Tool {
  return { ...createTool(name, () => ''), description, parameters: { type: 'object', properties } }
}

const tools = [
  describe('files__read_file', 'Reads a file of the notes.', { path: { type: 'string' } }),
  describe('files__writeFile', 'Writes a file of the notes.', { path: {}, content: {} }),
  describe('mail__send', 'Sends a message to somebody.', { to: {}, subject: {}, body: {} }),
  describe('mail__search_messages', 'Searches the mailbox.', { query: {} }),
  describe('weather__forecast', 'The weather of the next days.', { city: { description: 'A town.' } }),
  describe('calc__calculate', 'Evaluates a formula.'),
  describe('map__search', '搜索附近的餐厅和咖啡馆。', { keyword: { description: '关键词' } }),
  describe('map__route', '规划两个地点之间的驾车路线。'),
  ...Array.from({ length: 192 }, (_, at) => describe(`other__job_${at}`, `Does job number ${at} of the list.`)),
]
const found = (query: string, limit = 3) => searchTools(query, tools, limit).map(({ name }) => name)

for (const [query, best] of [
  ['read a file', 'files__read_file'],
  ['reading files', 'files__read_file'],
  ['write file', 'files__writeFile'],
  ['WRITE_FILE', 'files__writeFile'],
  ['send an email message', 'mail__send'],
  ['find messages in my mailbox', 'mail__search_messages'],
  ['what will the weather be', 'weather__forecast'],
  ['town', 'weather__forecast'],
  ['subject', 'mail__send'],
  ['calculator', 'calc__calculate'],
  ['calc', 'calc__calculate'],
  ['附近的咖啡', 'map__search'],
  ['驾车路线', 'map__route'],
  ['关键词', 'map__search'],
  ['job number 77', 'other__job_77'],
  ['files__read_file', 'files__read_file'],
] as const)
  test(`"${query}" finds ${best}`, () => {
    expect(found(query)[0]).toBe(best)
  })

test('a query without a word of any tool finds nothing', () => {
  for (const query of ['', '  ', 'the of and', 'zebra', '🦓', '斑马']) expect(found(query)).toEqual([])
})

test('the limit holds, and the same query finds the same tools in the same order', () => {
  expect(found('job', 5)).toHaveLength(5)
  expect(found('job', 5)).toEqual(found('job', 5))
})

test('words are parts of names, without endings; Chinese is read by characters and pairs', () => {
  expect(wordsIn('readFiles, MAIL_list2: creating boxes')).toEqual(['read', 'fil', 'mail', 'list2', 'creat', 'box'])
  expect(wordsIn('天气预报')).toEqual(['天', '气', '预', '报', '天气', '气预', '预报'])
})

test('of a long query only the beginning counts', () => {
  expect(found(`weather ${'zebra '.repeat(1_000)}`)).toEqual(['weather__forecast'])
  expect(found(`${'zebra '.repeat(1_000)} weather`)).toEqual([])
})
