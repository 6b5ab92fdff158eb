import { expect, test } from 'bun:test'
import { withoutNulls } from './null-members.ts'

test('a null member of the protocol counts as absent', () => {
  const messages: readonly (readonly [unknown, unknown])[] = [
    [
      { jsonrpc: '2.0', id: 1, error: null, result: { tools: [], nextCursor: null, _meta: null } },
      { jsonrpc: '2.0', id: 1, result: { tools: [] } },
    ],
    [
      {
        id: 1,
        result: {
          capabilities: { tools: { listChanged: null }, logging: null, experimental: { own: { a: null } } },
          serverInfo: { name: 'a', version: '1', title: null, icons: [{ src: 'x', sizes: null }] },
          instructions: null,
        },
      },
      {
        id: 1,
        result: {
          capabilities: { tools: {}, experimental: { own: {} } },
          serverInfo: { name: 'a', version: '1', icons: [{ src: 'x' }] },
        },
      },
    ],
    [
      { id: 1, result: { content: [{ type: 'text', text: 'a', annotations: { audience: null } }], isError: null } },
      { id: 1, result: { content: [{ type: 'text', text: 'a', annotations: {} }] } },
    ],
    [
      { id: 1, error: { code: -1, message: 'no', data: null }, result: null },
      { id: 1, error: { code: -1, message: 'no' } },
    ],
    [
      { id: null, error: { code: -1, message: 'no', data: { hint: null } } },
      { error: { code: -1, message: 'no', data: {} } },
    ],
    [{ method: 'notifications/initialized', params: null }, { method: 'notifications/initialized' }],
    [[{ id: 1, result: { a: null } }], [{ id: 1, result: {} }]],
  ]
  for (const [message, cleaned] of messages) expect(withoutNulls(message)).toEqual(cleaned)
})

test('a null result counts as an empty result', () => {
  expect(withoutNulls({ jsonrpc: '2.0', id: 1, result: null, error: null })).toEqual({
    jsonrpc: '2.0',
    id: 1,
    result: {},
  })
})

test('a null that is a value stays: in lists, and in a tool’s results, arguments and schemas', () => {
  const inputSchema = { type: 'object', properties: { a: { default: null, enum: ['a', null], const: null } } }
  const messages = [
    { id: 1, result: { structuredContent: { a: null, b: [null] }, content: [{ type: 'text', text: 'null' }] } },
    { id: 1, result: { tools: [{ name: 'a', inputSchema, outputSchema: inputSchema }] } },
    { method: 'notifications/message', params: { level: 'info', data: { a: null } } },
    { id: 1, method: 'tools/call', params: { arguments: { a: null } } },
    { id: 1, result: { content: [null] } },
    'null',
    null,
    undefined,
    7,
  ]
  for (const message of messages) expect(withoutNulls(message)).toEqual(message)
})

test('the removal reads no prototype, and no message is too deep for it', () => {
  const message = JSON.parse('{"id": 1, "result": {"__proto__": {"polluted": 1}, "a": null}}')
  expect(JSON.stringify(withoutNulls(message))).toBe('{"id":1,"result":{"__proto__":{"polluted":1}}}')
  let deep: unknown = null
  for (let at = 0; at < 100_000; at++) deep = { deep }
  expect(() => withoutNulls(deep)).not.toThrow()
})
