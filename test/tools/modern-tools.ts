import { inputRequired, type McpServerFactory, Server, type Tool } from '@modelcontextprotocol/server'

/** The memory of a server of the newer revision (2026-07-28), which has no sessions. */
export interface ModernMemory {
  lists: number
  cancelled: number
  hasGrown: boolean
  /** Tells everyone who listens that the list of tools has changed. */
  changed(): void
}

const anything = { type: 'object' } as const
const region = { type: 'string', 'x-mcp-header': 'Region' } as const

function tools({ hasGrown }: ModernMemory): Tool[] {
  return [
    { name: 'echo', inputSchema: { ...anything, properties: { text: { type: 'string' } } } },
    { name: 'regional', inputSchema: { ...anything, properties: { region } } },
    { name: 'hides_a_header', inputSchema: { ...anything, properties: { list: { type: 'array', items: region } } } },
    ...['stream', 'hang', 'asks', 'later', 'structured', 'fails', 'grow', ...(hasGrown ? ['new'] : [])].map((name) => ({
      name,
      inputSchema: anything,
    })),
  ]
}

/** Makes servers of the library, with typical tools. @param ttlMs for how long the list of tools may be used */
export function modernServer(memory: ModernMemory, ttlMs = 0): McpServerFactory {
  const text = (words: string) => ({ content: [{ type: 'text' as const, text: words }] })
  return () => {
    const server = new Server(
      { name: 'modern', version: '1' },
      { capabilities: { tools: { listChanged: true }, logging: {} }, cacheHints: { 'tools/list': { ttlMs } } },
    )
    server.setRequestHandler('tools/list', () => {
      memory.lists++
      return { tools: tools(memory) }
    })
    server.setRequestHandler('tools/call', async ({ params: { name, arguments: args = {} } }, { http, mcpReq }) => {
      switch (name) {
        case 'echo':
          return text(`you said ${args.text}`)
        case 'regional':
          return text(`region ${http?.req?.headers.get('mcp-param-region')}`)
        case 'structured':
          return { content: [], structuredContent: [1, { n: null }] }
        case 'fails':
          return { ...text('it went wrong'), isError: true }
        case 'stream':
          await mcpReq.notify({
            method: 'notifications/progress',
            params: { progressToken: mcpReq._meta?.progressToken ?? 0, progress: 1, message: 'half' },
          })
          await mcpReq.log('info', 'a log line')
          return text('streamed')
        case 'hang':
          mcpReq.signal.addEventListener('abort', () => memory.cancelled++)
          await mcpReq.notify({
            method: 'notifications/progress',
            params: { progressToken: mcpReq._meta?.progressToken ?? 0, progress: 1, message: 'hanging' },
          })
          return new Promise(() => undefined)
        case 'asks':
          return inputRequired({
            inputRequests: {
              name: inputRequired.elicit({ message: 'name?', requestedSchema: { type: 'object', properties: {} } }),
            },
          })
        case 'later':
          return mcpReq.requestState() === undefined ? inputRequired({ requestState: 'half' }) : text('at last')
        case 'grow':
          memory.hasGrown = true
          memory.changed()
          return text('grown')
      }
      return { ...text(`no tool ${name}`), isError: true }
    })
    return server
  }
}
