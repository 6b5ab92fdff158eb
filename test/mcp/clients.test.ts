import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { until } from '../waiting.ts'
import { connectClient, type Era, eras, type McpRig, startMcpRig } from './gateway.ts'

// The official client, in both eras, uses the gateway as an MCP server.

const patienceMs = 20_000

let rig: McpRig
beforeAll(async () => {
  rig = await startMcpRig()
})
afterAll(() => rig[Symbol.asyncDispose]())

const eraNames: readonly Era[] = ['2026-07-28', '2025-11-25']

for (const era of eraNames)
  describe(`a client of ${era}`, () => {
    test('finds the gateway’s name, and no session', async () => {
      await using client = await connectClient(rig.url, era)
      expect(client.getProtocolEra()).toBe(eras[era].mode === 'legacy' ? 'legacy' : 'modern')
      expect(client.getNegotiatedProtocolVersion()).toBe(era)
      expect(client.getServerVersion()).toMatchObject({ name: 'tributary' })
      expect(client.getServerCapabilities()).toEqual({ tools: {} })
      expect(client.transport?.sessionId).toBeUndefined()
    })

    test('lists the gateway’s tools and those of all servers, always in the same order', async () => {
      await using client = await connectClient(rig.url, era)
      const { tools } = await client.listTools()
      const names = tools.map(({ name }) => name)
      expect(names.slice(0, 4)).toEqual(['list_models', 'ask_model', 'ask_panel', 'builtin__current_time'])
      expect(names.slice(3)).toEqual(names.slice(3).toSorted())
      expect(names).toContain('old__echo')
      expect(names).toContain('new__regional')
      // a schema must not ask the client for headers that nobody checks
      expect(JSON.stringify(tools)).not.toContain('x-mcp-header')
      const again = await client.listTools(undefined, { cacheMode: 'refresh' })
      expect(again.tools).toEqual(tools)
    })

    test('runs a tool of a server of each era', async () => {
      await using client = await connectClient(rig.url, era)
      for (const server of ['old', 'new'])
        expect(await client.callTool({ name: `${server}__echo`, arguments: { text: 'ü道' } })).toMatchObject({
          content: [{ type: 'text', text: 'you said ü道' }],
          isError: false,
        })
    })

    test('gets images and structured content', async () => {
      await using client = await connectClient(rig.url, era)
      const { content } = await client.callTool({ name: 'old__image' })
      expect(content[1]).toEqual({
        type: 'image',
        mimeType: 'image/png',
        data: Buffer.alloc(12 * 1024).toString('base64'),
      })
      expect((await client.callTool({ name: 'old__structured' })).structuredContent).toEqual({ n: 1 })
      // older revisions have objects only
      const list = await client.callTool({ name: 'new__structured' })
      expect(list.structuredContent).toEqual(era === '2026-07-28' ? [1, { n: null }] : undefined)
      expect(list.content).toEqual([{ type: 'text', text: '[1,{"n":null}]' }])
    })

    test('gets the failure of a tool as a result, and a mistake of its own as an error', async () => {
      await using client = await connectClient(rig.url, era)
      expect(await client.callTool({ name: 'old__fails' })).toMatchObject({
        content: [{ type: 'text', text: 'it went wrong' }],
        isError: true,
      })
      expect((await client.callTool({ name: 'old__refuses' })).isError).toBe(true)
      expect((await client.callTool({ name: 'ask_model', arguments: { model: 'lab/m' } })).content).toEqual([
        { type: 'text', text: 'prompt must be a text.' },
      ])
      const unknown = client.callTool({ name: 'old__nothing_like_it' })
      expect(await unknown.catch((thrown: unknown) => thrown)).toMatchObject({ code: -32_602 })
      const elsewhere = client.request({ method: 'prompts/get', params: { name: 'a' } })
      expect(await elsewhere.catch((thrown: unknown) => String(thrown))).toMatch(/Method not found/)
    })

    test('sees progress, and stops a tool when it leaves', async () => {
      await using client = await connectClient(rig.url, era)
      const seen: unknown[] = []
      await client.callTool({ name: 'new__stream' }, { onprogress: (progress) => seen.push(progress) })
      expect(seen).toEqual([{ progress: 1, message: expect.stringMatching(/^half/) }, ...seen.slice(1)])
      const before = rig.modern.memory.cancelled
      const leaving = await connectClient(rig.url, era)
      const begun = Promise.withResolvers<void>()
      const hanging = leaving.callTool({ name: 'new__hang' }, { onprogress: () => begun.resolve() })
      hanging.catch(() => undefined)
      await begun.promise
      await leaving.close()
      await until(() => rig.modern.memory.cancelled > before, patienceMs, 'the tool was stopped')
    })

    test('asks one model, and several at once', async () => {
      await using client = await connectClient(rig.url, era)
      const listed = await client.callTool({ name: 'list_models', arguments: { query: 'LAB/' } })
      expect(listed.structuredContent).toEqual({ models: [{ id: 'lab/m' }, { id: 'lab/n' }], more: 0 })
      const one = { model: 'lab/m', prompt: 'Hello', system: 'Be brief.', max_tokens: 5 }
      expect((await client.callTool({ name: 'ask_model', arguments: one })).content).toEqual([
        { type: 'text', text: 'You said: Hello' },
      ])
      expect(rig.upstream.chats.at(-1)).toMatchObject({
        max_tokens: 5,
        messages: [{ role: 'system' }, { role: 'user' }],
      })
      const both = { models: ['lab/m', 'lab/none'], prompt: 'Hi' }
      const panel = await client.callTool({ name: 'ask_panel', arguments: both })
      expect(panel.isError).toBe(false)
      expect(panel.content).toEqual([
        {
          type: 'text',
          text: expect.stringMatching(
            /^--- \[lab\/m\] ---\nYou said: Hi\n\n--- \[lab\/none\] ---\nThe model could not answer: /,
          ),
        },
      ])
    })
  })

test('each call is a line of the log, without its arguments', async () => {
  await using client = await connectClient(rig.url, '2026-07-28')
  await client.callTool({ name: 'old__echo', arguments: { text: 'a-private-word' } })
  const line = rig.gateway.lines.map((text) => JSON.parse(text)).findLast(({ msg }) => msg === 'tool call')
  expect(line).toMatchObject({
    tool: 'old__echo',
    outcome: 'ok',
    durationMs: expect.any(Number),
    client: expect.any(String),
  })
  expect(rig.gateway.lines.join('\n')).not.toContain('a-private-word')
})
