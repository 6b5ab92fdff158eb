import { createMcpHandler } from '@modelcontextprotocol/server'
import { openApp } from '../../src/app.ts'
import { readConfig } from '../../src/config/config.ts'
import type { RawVariables } from '../../src/config/spelled-values.ts'
import { isFields } from '../../src/dialects/fields.ts'
import { MemoryStore } from '../../src/state/memory/memory-store.ts'
import { openLog } from '../../src/telemetry/log.ts'
import { openTraces } from '../../src/traces/open-traces.ts'
import { machine } from '../../src/wire/machine.double.ts'
import { modernServer } from '../tools/modern-tools.ts'

export const clientKey = 'sk-traces-client-0123456789abcdef'
export const upstreamKey = 'sk-traces-upstream-0123456789abcdef'

/** The whole program with traces, in this process. */
export interface TracedGateway {
  readonly url: string
  readonly lines: readonly string[]
  close(): Promise<void>
}

/** Starts it as `serve` does, with one upstream, and spans that are sent at once. */
export function startTraced(receiver: string, variables: RawVariables): TracedGateway {
  const config = readConfig(
    {
      ...{ PORT: '0', SHUTDOWN_GRACE: '1', API_MASTER_KEY: clientKey },
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver,
      OTEL_BSP_SCHEDULE_DELAY: '1',
      ...variables,
    },
    false,
  )
  if ('problems' in config || !config.traces) throw new Error(JSON.stringify(config))
  const lines: string[] = []
  const log = openLog({ runtime: machine, level: 'info', format: 'json', write: (line) => void lines.push(line) })
  const { tracer, listeners, close } = openTraces(config.traces, { log, runtime: machine, version: '1' })
  const app = openApp(config, log, new MemoryStore({ runtime: machine }), { runtime: machine, tracer, listeners })
  return {
    url: app.url,
    lines,
    async close() {
      await app.close()
      await close()
    },
  }
}

/** A server that remembers the headers and bodies of what it was asked. */
export interface SeenRequest {
  readonly headers: Headers
  readonly body: unknown
}

export interface RememberingServer {
  readonly url: string
  readonly seen: SeenRequest[]
  close(): Promise<void>
}

const usage = {
  ...{ prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
  prompt_tokens_details: { cached_tokens: 5 },
  completion_tokens_details: { reasoning_tokens: 3 },
}
const about = { id: 'a', created: 1, model: 'm' }
const toolCall = {
  id: 'call_1',
  type: 'function',
  function: { name: 'lab__echo', arguments: '{"text":"the-argument"}' },
}

/** An upstream of OpenAI's dialect. A model that is offered tools calls one. The model `broken` fails, and `slow` does not answer. */
export function startUpstream(): RememberingServer {
  return remember(async ({ headers, body }) => {
    if (!isFields(body)) return Response.json({ data: ['m', 'broken', 'slow'].map((id) => ({ id })) })
    void headers
    if (body.model === 'broken') return Response.json({ error: { message: 'the-prompt is bad' } }, { status: 500 })
    if (body.model === 'slow') return new Promise<Response>(() => undefined)
    if ('input' in body)
      return Response.json({ data: [{ index: 0, embedding: [1] }], usage: { prompt_tokens: 2, total_tokens: 2 } })
    return body.stream === true
      ? streamed()
      : Response.json({ ...about, object: 'chat.completion', choices: [choiceFor(body)], usage })
  })
}

function choiceFor({ tools, messages }: Readonly<Record<string, unknown>>): object {
  const isDone = Array.isArray(messages) && messages.some((message) => isFields(message) && message.role === 'tool')
  if (!tools || isDone)
    return { index: 0, message: { role: 'assistant', content: 'the-answer' }, finish_reason: 'stop' }
  const message = { role: 'assistant', content: null, tool_calls: [toolCall] }
  return { index: 0, message, finish_reason: 'tool_calls' }
}

function streamed(): Response {
  const chunk = (choices: readonly object[], more: object = {}) =>
    `data: ${JSON.stringify({ ...about, object: 'chat.completion.chunk', choices, ...more })}\n\n`
  const text = [
    chunk([{ index: 0, delta: { role: 'assistant', content: 'the-' }, finish_reason: null }]),
    chunk([{ index: 0, delta: { content: 'answer' }, finish_reason: null }]),
    chunk([{ index: 0, delta: {}, finish_reason: 'length' }]),
    chunk([], { usage }),
    'data: [DONE]\n\n',
  ].join('')
  return new Response(text, { headers: { 'content-type': 'text/event-stream' } })
}

/** An MCP server whose tool `echo` says its text. */
export function startToolServer(): RememberingServer {
  const handler = createMcpHandler(
    modernServer({ lists: 0, cancelled: 0, hasGrown: false, changed: () => undefined }),
    {
      legacy: 'reject',
    },
  )
  return remember((_, request) => handler.fetch(request))
}

function remember(answer: (seen: SeenRequest, request: Request) => Response | Promise<Response>): RememberingServer {
  const seen: SeenRequest[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const text = await request.clone().text()
      const asked = { headers: request.headers, body: text === '' ? undefined : JSON.parse(text) }
      if (request.method === 'POST') seen.push(asked)
      return answer(asked, request)
    },
  })
  return { url: `http://127.0.0.1:${server.port}`, seen, close: () => server.stop(true) }
}
