import type { Tool, ToolServerState } from '../../../tools/tool.ts'
import { type Exchange, jsonResponse } from '../../exchange/exchange.ts'
import type { ChatServer } from './chat-server.ts'

/** `GET /api/tools`: every tool there is. Waits for servers that are still starting. */
export async function listTools(exchange: Exchange, { tools }: ChatServer): Promise<Response> {
  const listed = await tools.list(exchange.request.signal)
  return jsonResponse(exchange, { tools: listed.map(encodeTool) })
}

/** `GET /api/servers`: how each server of tools is. */
export function listServers(exchange: Exchange, { tools }: ChatServer): Response {
  return jsonResponse(exchange, { servers: tools.servers().map(encodeServer) })
}

function encodeTool({ name, server, description, parameters, supportsStreaming }: Tool) {
  return {
    name,
    server,
    ...(description !== undefined && { description }),
    input_schema: parameters,
    supports_streaming: supportsStreaming,
  }
}

function encodeServer({ name, transport, status, tools, why, stderr }: ToolServerState) {
  return {
    name,
    transport,
    status,
    tools,
    ...(why !== undefined && { error: why }),
    ...(stderr !== undefined && { stderr }),
  }
}
