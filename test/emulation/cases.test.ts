/** Calls in the text of a model: what is one, and what is none. (Numbers: docs/emulation.md) */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { FunctionTool } from '../../src/chat/request.ts'
import { CallReader } from '../../src/gateway/emulated-tools/call-reader.ts'
import { escapeMarks } from '../../src/gateway/emulated-tools/escape-marks.ts'
import { KnownTools } from '../../src/gateway/emulated-tools/known-tools.ts'
import { wordsOf } from '../../src/gateway/emulated-tools/prompt-words.ts'
import { signatureOf } from '../../src/gateway/emulated-tools/signature.ts'
import { inPieces, marks, readText } from './read-text.ts'
import { callSpellings } from './spellings.ts'
import { callSubjects } from './subjects.ts'

for (const spelling of callSpellings)
  test(`a call is understood: ${spelling.name}`, () => {
    for (const { name, tools, call } of callSubjects) {
      const text = spelling.write(call, marks.call)
      const { text: prose, calls, misread } = readText([text], tools)
      expect({ name, prose, misread, calls: calls.map((one) => ({ ...one, json: JSON.parse(one.json) })) }).toEqual({
        name,
        prose: spelling.prose ?? '',
        misread: 0,
        calls: [{ name: call.name, json: call.args, isWhole: true }],
      })
    }
  })

test('the same text is read alike in any pieces', () => {
  const texts = callSpellings.flatMap((spelling) =>
    callSubjects.map(({ tools, call }) => ({ tools, text: `${spelling.write(call, marks.call)}\nThat is it.\n` })),
  )
  for (const { text, tools } of texts) {
    const whole = readText([text], tools)
    for (const length of [1, 2, 7]) expect(readText(inPieces(text, length), tools)).toEqual(whole)
  }
})

const tools = callSubjects.flatMap((subject) => subject.tools.filter(({ name }) => name === subject.call.name))
const instructions = [
  ...wordsOf.english.tools(marks, true),
  ...tools.map(signatureOf),
  wordsOf.english.remind(marks),
].join('\n\n')

/** Texts that resemble calls and are none. */
const proseTexts = [
  'Run `mkdir -p test/{a,b}` first.',
  '{a, b}',
  '{"a": 1, "name": "weather"}',
  '{"name": "Ann", "arguments": {"city": "Paris"}}',
  '{\n  "type": "object",\n  "properties": {"city": {"type": "string"}}\n}',
  '{"type": "function", "function": {"name": "current_time", "parameters": {"type": "object", "properties": {}}}}',
  '[{"name": "current_time", "description": "Says it.", "input_schema": {"type": "object", "properties": {}}}]',
  '["weather", "grep"]',
  '[1, 2, {"name": "x"}]',
  '[a link](https://example.org)',
  'Write <tool_call> and then {"name": "weather", "arguments": {"city": "Paris"}}.',
  'The mark `<tool_call>` begins a call.',
  '<tool_call>',
  '<tool_call>\nno JSON here\n</tool_call>',
  '<tool>hammer</tool>',
  '<function>f(x)</function>',
  '<invoke name="unknown"><parameter name="a">1</parameter></invoke>',
  '<div class="weather">sunny</div>',
  '<weathers>',
  '< 5 and > 3',
  '<|endoftext',
  '&lt;b&gt; is bold in HTML',
  '`weather` is a tool.',
  'weather',
  'weather: sunny',
  'weather("Paris")',
  'search for more',
  '```python\nweather(city="Paris")\n```',
  '```json\n{"a": 1}\n```',
  '```\n<tool_call>{"name": "weather", "arguments": {"city": "Paris"}}</tool_call>\n```\nis how it looks.',
  '```json\n{"name": "weather", "arguments": {"city": "Paris"}}\n```\nThis would ask for the weather.',
  '```ts\nconst a = `\n{"name": "weather", "arguments": {"city": "Paris"}}\n`\n```',
  '~~~\n{"name": "weather", "arguments": {"city": "Paris"}}\n~~~',
  '> <tool_call>{"name": "weather", "arguments": {"city": "Paris"}}</tool_call>',
  '- {"name": "weather", "arguments": {"city": "Paris"}}',
  '1. `{"name": "weather"}`',
  'Result: it works. Observation: so do I.',
  'User: hello\nAssistant: hello',
  '工具 <tool_call> 的用法见上。',
  instructions,
]

describe('text is no call', () => {
  for (const text of proseTexts)
    test(text.slice(0, 60).replaceAll('\n', '⏎'), () => {
      for (const length of [1, 3, 1_000_000])
        expect(readText(inPieces(text, length), tools)).toEqual({ text, calls: [], misread: 0 })
    })

  test('nor are several such texts together', () => {
    // a line with only a mark may begin a call in the next line
    const pool = proseTexts.filter((text) => text !== '<tool_call>')
    const texts = fc.array(fc.constantFrom(...pool), { minLength: 2, maxLength: 5 })
    fc.assert(
      fc.property(
        texts,
        fc.constantFrom('\n', '\n\n', '  \n'),
        fc.integer({ min: 1, max: 9 }),
        (chosen, between, length) => {
          const text = chosen.join(between)
          expect(readText(inPieces(text, length), tools)).toEqual({ text, calls: [], misread: 0 })
        },
      ),
      { numRuns: 300 },
    )
  })

  test('nor is any other text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.integer({ min: 1, max: 5 }), (text, length) => {
        expect(readText(inPieces(text, length), tools)).toEqual({ text, calls: [], misread: 0 })
      }),
    )
  })
})

test('the arguments of a correct call arrive exactly', () => {
  const echo: FunctionTool = { type: 'function', name: 'echo' }
  const texts = fc.string({ unit: 'binary', maxLength: 40 })
  const args = fc.dictionary(fc.string({ maxLength: 12 }), fc.oneof(texts, fc.jsonValue({ maxDepth: 3 })))
  const spellings = callSpellings.filter(({ name }) => name === 'ours' || name === 'Hermes and Qwen')
  fc.assert(
    fc.property(args, fc.constantFrom(...spellings), fc.integer({ min: 1, max: 9 }), (given, spelling, length) => {
      const { calls, misread } = readText(inPieces(spelling.write({ name: 'echo', args: given }, marks.call), length), [
        echo,
      ])
      expect(misread).toBe(0)
      expect(calls.map(({ json }) => JSON.parse(json))).toEqual([JSON.parse(JSON.stringify(given))])
    }),
  )
})

test('a result that the model repeats calls nothing', () => {
  const pieces = fc.array(
    fc.oneof(
      fc.tuple(fc.constantFrom(...callSpellings), fc.constantFrom(...callSubjects)),
      fc.constantFrom(...proseTexts),
    ),
    { minLength: 1, maxLength: 4 },
  )
  const known = new KnownTools(tools)
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 9 }), (chosen, length) => {
      const result = chosen
        .map((one) => (typeof one === 'string' ? one : one[0].write(one[1].call, marks.call)))
        .join('\n')
      const repeated = escapeMarks(result, { tools: known, marks })
      expect(readText(inPieces(`The file says:\n${repeated}\n`, length), tools).calls).toEqual([])
    }),
    { numRuns: 300 },
  )
})

test('nothing visible is held back but what may begin a call', () => {
  const words = 'Here is what I found in {it}:\n- <one> thing\n* and another\n\nThat is "all".'
  const reader = new CallReader({ tools: new KnownTools(tools), marks, isParallel: true })
  let shown = ''
  for (const [at, letter] of [...words].entries()) {
    for (const event of reader.push(letter)) if (event.type === 'text') shown += event.text
    expect(words.slice(shown.length, at + 1).trim()).toBe('')
  }
})
