import type { Tool, ToolServerState } from '../../../tools/tool.ts'
import { answerJson } from '../../exchange/answer-json.ts'

/** `GET /api/tools`: lists all tools. It waits for servers that are still starting. */
export const listTools = answerJson(async (_request, { signal }, { tools }) => {
  const listed = await tools.list(signal)
  return { body: { tools: listed.map(encodeTool) } }
})

/** `GET /api/servers`: lists the tool servers and their states. */
export const listServers = answerJson((_request, _call, { tools }) => ({
  body: { servers: tools.servers().map(encodeServer) },
}))

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
