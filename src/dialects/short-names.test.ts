import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../test/sizes.ts'
import type { ChatRequest } from '../chat/request.ts'
import { withShortNames } from './short-names.ts'

function requestWith(names: readonly string[], dialect = 'anthropic-messages'): ChatRequest {
  const [first = ''] = names
  return {
    dialect,
    model: 'm',
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'hi' }] },
      { role: 'assistant', content: [{ type: 'tool-call', id: 'a', name: first, arguments: '{}' }] },
    ],
    parameters: {
      tools: names.map((name) => ({ type: 'function', name })),
      toolChoice: { type: 'function', name: first },
    },
    spelling: {},
    extra: {},
    stream: true,
  }
}

/** The names in the tools, in the history and in the choice. */
function namesIn({ parameters: { tools = [], toolChoice }, messages }: ChatRequest) {
  const called = messages.flatMap(({ content }) =>
    content.flatMap((part) => (part.type === 'tool-call' ? part.name : [])),
  )
  return {
    tools: tools.map(({ name }) => name),
    called,
    chosen: toolChoice?.type === 'function' ? toolChoice.name : '',
  }
}

const call = (name: string) => ({ type: 'tool-call', choice: 0, part: 0, id: 'a', name }) as const
const prefix = `mcp__${'a'.repeat(70)}`
const toolName = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.nat(30).map((number) => `${prefix}_${number}`),
)

test('names fit, differ, and come back in a call', () => {
  fc.assert(
    fc.property(fc.uniqueArray(toolName, { minLength: 1, maxLength: 30 }), (names) => {
      const short = withShortNames(requestWith(names), 'openai-chat')
      expect(short !== undefined).toBe(names.some((name) => name.length > 64))
      if (!short) return
      const { tools, called, chosen } = namesIn(short.request)
      expect(tools.every((name) => name.length <= 64)).toBe(true)
      expect(new Set(tools).size).toBe(names.length)
      expect<unknown>([called, chosen]).toEqual([[tools[0]], tools[0]])
      expect(tools.map((name) => short.restore(call(name)))).toEqual(names.map(call))
    }),
    { numRuns: runs(300) },
  )
})

test('a name is shortened in the same way beside other tools', () => {
  const shortOf = (...names: readonly string[]) =>
    namesIn(withShortNames(requestWith(names), 'openai-chat')?.request ?? requestWith([])).tools
  const [alone] = shortOf(`${prefix}_1`)
  expect(shortOf('other', `${prefix}_2`, `${prefix}_1`)[2]).toBe(alone)
})

test('a client of this dialect keeps its names', () => {
  expect(withShortNames(requestWith([`${prefix}_1`], 'openai-chat'), 'openai-chat')).toBeUndefined()
})
