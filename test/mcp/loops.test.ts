import { expect, test } from 'bun:test'
import { emulateOpenai } from '../../src/providers/openai-compatible/emulator/index.ts'
import { sseData } from '../../src/wire/sse.ts'
import { mcpServers } from '../chaos/chat-server-rig.ts'
import { startGateway } from '../chaos/gateway.ts'
import { until } from '../waiting.ts'
import { connectClient, key, startMcpRig } from './gateway.ts'

// Gateways that are each other's tool servers, or their own.

const patienceMs = 20_000
const headers = { authorization: `Bearer ${key}` }

test('a gateway offers the tools of another one, but passes them on to no third', async () => {
  await using inner = await startMcpRig()
  await using outer = await startMcpRig(mcpServers({ inner: { url: inner.url, headers } }))
  await using client = await connectClient(outer.url, '2026-07-28')
  const names = (await client.listTools()).tools.map(({ name }) => name)
  expect(names).toContain('inner__old__echo')
  expect(names).toContain('inner__ask_model')
  expect(await client.callTool({ name: 'inner__old__echo', arguments: { text: 'far' } })).toMatchObject({
    content: [{ text: 'you said far' }],
  })
  const asGateway = await fetch(outer.url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', 'x-tributary-hops': '1' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
  })
  const text = await asGateway.text()
  expect(text).toContain('ask_model')
  expect(text).not.toContain('inner__')
})

/** Starts a gateway that is its own tool server. The relay is there before the gateway has an address. */
function startOwnServer(upstream: string) {
  const address = { url: '' }
  const relay = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: (request) => fetch(`${address.url}/mcp`, request) })
  const gateway = startGateway({
    API_MASTER_KEY: key,
    UPSTREAM_LAB_URL: upstream,
    ...mcpServers({ self: { url: `http://127.0.0.1:${relay.port}/mcp`, headers } }),
  })
  address.url = gateway.url
  return {
    url: gateway.url,
    async [Symbol.asyncDispose]() {
      await gateway.close()
      await relay.stop(true)
    },
  }
}

test('a gateway that is its own tool server lists each tool once more, and not for ever', async () => {
  const upstream = await emulateOpenai({ models: ['m'] })
  await using self = startOwnServer(upstream.url)
  await using client = await connectClient(`${self.url}/mcp`, '2026-07-28')
  const listed = async () => (await client.listTools(undefined, { cacheMode: 'refresh' })).tools.map(({ name }) => name)
  await until(async () => (await listed()).includes('self__ask_model'), patienceMs, 'it is connected to itself')
  const own = ['list_models', 'ask_model', 'ask_panel', 'builtin__current_time']
  expect((await listed()).toSorted()).toEqual([...own, ...own.map((name) => `self__${name}`)].toSorted())
  await upstream.close()
})

test('a model that asks itself through its own gateway comes to an end', async () => {
  const call = { model: 'lab/m:tools', prompt: 'again' }
  const tool = { index: 0, id: 'a', function: { name: 'self__ask_model', arguments: JSON.stringify(call) } }
  const choice = { index: 0, delta: { tool_calls: [tool] }, finish_reason: 'tool_calls' }
  const body = [sseData(JSON.stringify({ id: 'a', choices: [choice] })), sseData('[DONE]')]
  const upstream = await emulateOpenai({ models: ['m'], reply: () => ({ body }) })
  await using self = startOwnServer(upstream.url)
  await using client = await connectClient(`${self.url}/mcp`, '2026-07-28')
  const isListed = async () =>
    (await client.listTools(undefined, { cacheMode: 'refresh' })).tools.some(({ name }) => name === 'self__ask_model')
  await until(isListed, patienceMs, 'it is connected to itself')
  const { content, isError } = await client.callTool({ name: 'ask_model', arguments: call })
  expect(isError).toBe(true)
  expect(content).toEqual([{ type: 'text', text: expect.stringContaining('3 times') }])
  expect(upstream.chats.length).toBeLessThan(200)
  await upstream.close()
})
