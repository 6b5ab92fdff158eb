import { createMcpHandler, Server } from '@modelcontextprotocol/server'

/** The name that the gateway knows the server by. */
const server = 'conformance'

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

const names = ['test_simple_text', 'test_image_content', 'test_error_handling', 'test_tool_with_progress']

/** Starts a tool server with tools that the conformance tests call. */
export function startToolServer() {
  const handler = createMcpHandler(() => {
    const one = new Server({ name: server, version: '1' }, { capabilities: { tools: {} } })
    const inputSchema = { type: 'object' as const }
    one.setRequestHandler('tools/list', () => ({
      tools: names.map((name) => ({ name, description: `Is ${name}.`, inputSchema })),
    }))
    one.setRequestHandler('tools/call', async ({ params: { name } }, { mcpReq }) => {
      if (name === 'test_error_handling') throw new Error('This tool intentionally returns an error for testing')
      if (name === 'test_image_content') return { content: [{ type: 'image', data: pixel, mimeType: 'image/png' }] }
      if (name === 'test_tool_with_progress')
        for (const progress of [0, 50, 100]) {
          await mcpReq.notify({
            method: 'notifications/progress',
            params: { progressToken: mcpReq._meta?.progressToken ?? 0, progress, total: 100 },
          })
          // the tests ask for that; at once they would be one notification
          await Bun.sleep(50)
        }
      return { content: [{ type: 'text', text: 'This is a simple text response for testing.' }] }
    })
    return one
  })
  return Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: (request) => handler.fetch(request) })
}

/**
 * Starts a relay to the gateway that takes the server's name off the names of tools, because the tests look for their own
 * names. @param target returns the gateway's address
 */
export function startRelay(target: () => string) {
  return Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const headers = new Headers(request.headers)
      headers.delete('content-length')
      const name = headers.get('mcp-name')
      if (name?.startsWith('test_')) headers.set('mcp-name', `${server}__${name}`)
      const body = (await request.text()).replaceAll('"name":"test_', `"name":"${server}__test_`)
      const response = await fetch(target(), { method: request.method, headers, ...(body !== '' && { body }) })
      const text = (await response.text()).replaceAll(`"name":"${server}__`, '"name":"')
      return new Response(text, response)
    },
  })
}

export const servers = (port: number | undefined) => ({ [server]: { url: `http://127.0.0.1:${port}/mcp` } })
