import type { OpenCall } from '../../exchange/calls.ts'
import { type Exchange, jsonResponse } from '../../exchange/exchange.ts'
import { readJsonBody } from '../../exchange/read-body.ts'
import type { Services } from '../../exchange/services.ts'
import { findCall, respondToCall } from './call-tool.ts'
import { completeResult } from './complete-result.ts'
import { codes, rpcError, rpcResult } from './json-rpc.ts'
import type { MethodAnswer, OpenRequest } from './open-request.ts'
import { type McpMessage, readMessage } from './read-message.ts'
import { discover, initialize, listTools } from './results.ts'

/** `POST /mcp`: one message of a client. It needs no session, and nothing is kept of it. */
export async function answerMcp(exchange: Exchange, services: Services): Promise<Response> {
  const open = services.calls.open(exchange)
  try {
    const limits = { maxBytes: services.maxBodyBytes, signal: open.call.signal }
    const { value } = await readJsonBody(exchange.request, limits)
    const message = readMessage(value, exchange.request.headers)
    if (message.kind !== 'request') return ended(open, acknowledge(message, exchange))
    const running = { request: message.request, exchange, services, open }
    if (message.request.method !== 'tools/call') return ended(open, await respond(running))
    const found = await findCall(running)
    // its stream closes the call
    if ('tool' in found) return await respondToCall(running, found)
    return ended(open, encode(running, found))
  } catch (thrown) {
    open.close()
    throw thrown
  }
}

function ended(open: OpenCall, response: Response): Response {
  open.close()
  return response
}

/** Answers what is no request. */
function acknowledge(message: Exclude<McpMessage, { readonly kind: 'request' }>, exchange: Exchange): Response {
  if (message.kind === 'refused')
    return jsonResponse(exchange, rpcError(message.id, message.error), { status: message.status })
  return new Response(null, { status: 202, headers: exchange.newHeaders() })
}

type Method = (running: OpenRequest) => MethodAnswer | Promise<MethodAnswer>

const modernMethods: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['server/discover', discover],
  ['tools/list', listTools],
])
const legacyMethods: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['initialize', initialize],
  ['ping', () => ({ result: {} })],
  ['tools/list', listTools],
])

async function respond(running: OpenRequest): Promise<Response> {
  const { request, exchange } = running
  const method = (request.isModern ? modernMethods : legacyMethods).get(request.method)
  if (method) return encode(running, await method(running))
  const error = rpcError(request.id, { code: codes.unknownMethod, message: 'Method not found' })
  // older clients take 404 for a lost session
  return jsonResponse(exchange, error, { status: request.isModern ? 404 : 200 })
}

function encode({ request: { id, isModern }, exchange, services }: OpenRequest, answer: MethodAnswer): Response {
  if ('error' in answer) return jsonResponse(exchange, rpcError(id, answer.error))
  const { result } = answer
  return jsonResponse(exchange, rpcResult(id, isModern ? completeResult(result, services) : result))
}
