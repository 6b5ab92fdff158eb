import type { ChatError } from '../../../chat/error.ts'
import type { Fields, ImagePart } from '../../../chat/message.ts'
import { excerpt } from '../../../chat/secret.ts'
import { isFields } from '../../../dialects/fields.ts'
import { events, type Flow } from '../../../flow/flow.ts'
import { type DirectEvent, runDirectly } from '../../../gateway/direct-tools.ts'
import { toolLimits } from '../../../gateway/tool-loop/limits.ts'
import type { CallOutcome } from '../../../gateway/tool-loop/run-call.ts'
import type { Tool } from '../../../tools/tool.ts'
import { sseJson, sseKeepAlive } from '../../../wire/sse.ts'
import { jsonResponse } from '../../exchange/exchange.ts'
import { respondStream } from '../../exchange/respond.ts'
import type { StreamSurface } from '../../exchange/stream-body.ts'
import { completeResult } from './complete-result.ts'
import { codes, type RpcError, rpcError, rpcNotification, rpcResult } from './json-rpc.ts'
import type { OpenRequest } from './open-request.ts'
import { ownTools } from './own-tools.ts'

/** A call of a tool that exists. */
export interface FoundCall {
  readonly tool: Tool
  readonly args: Fields
  /** Whether it is a tool of the gateway itself. */
  readonly isOwn: boolean
}

/** Finds the tool of `tools/call`. A mistake in its arguments is for the tool to tell. */
export async function findCall({ request, services, open }: OpenRequest): Promise<FoundCall | { error: RpcError }> {
  const { name, arguments: args = {} } = request.params
  if (typeof name !== 'string') return invalid('"name" must be a text.')
  if (!isFields(args)) return invalid('"arguments" must be an object.')
  const own = ownTools(services, open.call).find((tool) => tool.name === name)
  const tool = own ?? (await services.gateway.tools?.find(name, open.call))
  if (!tool) return invalid(`Unknown tool: ${excerpt(name, 100)}`)
  return { tool, args, isOwn: own !== undefined }
}

function invalid(message: string): { error: RpcError } {
  return { error: { code: codes.invalidParams, message } }
}

/** Milliseconds for a tool of the gateway itself. The models that it asks have their own deadlines. */
const ownTimeoutMs = 3_600_000

/** Runs the tool, and answers with a stream, which shows its progress, or with one JSON text. */
export async function respondToCall(running: OpenRequest, { tool, args, isOwn }: FoundCall): Promise<Response> {
  const { exchange, services, open } = running
  const answer =
    isOwn || !services.gateway.tools
      ? runDirectly(tool, args, { call: open.call, limits: { ...toolLimits, timeoutMs: ownTimeoutMs } })
      : services.gateway.tools.run(tool, args, open.call)
  // the run writes the request's log line
  exchange.isLogged = true
  if (!exchange.request.headers.get('accept')?.includes('text/event-stream')) return respondWhole(running, answer)
  return respondStream(exchange, open, {
    answer,
    surface: new CallStream(running),
    keepAliveMs: services.keepAliveMs,
  })
}

async function respondWhole(running: OpenRequest, answer: Flow<DirectEvent>): Promise<Response> {
  const { request, exchange, open } = running
  try {
    let result: Fields = {}
    for await (const event of events(answer))
      if (event.type === 'outcome') result = encodeOutcome(event.outcome, running)
    return jsonResponse(exchange, rpcResult(request.id, result))
  } finally {
    open.close()
  }
}

/** Writes the messages of one call: its progress, if the client asked for that, and its result. */
class CallStream implements StreamSurface<DirectEvent> {
  readonly keepAlive = sseKeepAlive
  readonly #running: OpenRequest
  #progress = 0

  constructor(running: OpenRequest) {
    this.#running = running
  }

  event(event: DirectEvent): string | Iterable<string> {
    const { request } = this.#running
    if (event.type === 'outcome') return sseJson(rpcResult(request.id, encodeOutcome(event.outcome, this.#running)))
    const { _meta: meta } = request.params
    const progressToken = isFields(meta) ? meta.progressToken : undefined
    if (typeof progressToken !== 'string' && typeof progressToken !== 'number') return ''
    this.#progress += 1
    const message = excerpt(event.text.trim(), maxMessage)
    return sseJson(rpcNotification('notifications/progress', { progressToken, progress: this.#progress, message }))
  }

  /** The result is the last event. */
  end(): string {
    return ''
  }

  error({ message }: ChatError): string {
    return `${sseJson(rpcError(this.#running.request.id, { code: codes.internal, message }))}`
  }
}

/** Limit for the characters of a progress message. */
const maxMessage = 2_000

/** MCP 2026-07-28, server/tools, "Tool Result" */
function encodeOutcome(
  { content, images = [], isError, structured }: CallOutcome,
  { request, services }: OpenRequest,
): Fields {
  // older revisions have objects only
  const isShown = request.isModern ? structured !== undefined : isFields(structured)
  const result = {
    content: [{ type: 'text', text: content }, ...images.flatMap(encodeImage)],
    ...(isShown && { structuredContent: structured }),
    isError,
  }
  return request.isModern ? completeResult(result, services) : result
}

function encodeImage({ url }: ImagePart): readonly Fields[] {
  const [, mimeType, data] = /^data:([^;,]+);base64,(.*)$/s.exec(url) ?? []
  return data === undefined ? [] : [{ type: 'image', mimeType, data }]
}
