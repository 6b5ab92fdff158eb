import type { Fields } from '../../../chat/message.ts'
import type { Tool } from '../../../tools/tool.ts'
import { codes } from './json-rpc.ts'
import type { MethodAnswer, OpenRequest } from './open-request.ts'
import { ownTools } from './own-tools.ts'
import { legacy, supported } from './revisions.ts'

const capabilities = { tools: {} }

const instructions =
  'Tools of the servers behind this gateway are named server__tool. list_models, ask_model and ask_panel reach every model that the gateway serves.'

/** Milliseconds for which a client may keep the gateway's identity, and its list of tools; and if tools are missing. */
const identityMs = 3_600_000
const listMs = 60_000
const partialListMs = 5_000

/** `server/discover`. MCP 2026-07-28, server/discover */
export function discover(): MethodAnswer {
  return {
    result: { supportedVersions: supported, capabilities, instructions, ttlMs: identityMs, cacheScope: 'public' },
  }
}

/** `initialize`. It opens no session. MCP 2025-11-25, basic/lifecycle */
export function initialize({ request, services: { version } }: OpenRequest): MethodAnswer {
  const { protocolVersion: asked } = request.params
  const protocolVersion = legacy.find((revision) => revision === asked) ?? legacy[0]
  return { result: { protocolVersion, capabilities, serverInfo: { name: 'tributary', version }, instructions } }
}

/** `tools/list`: always in the same order, because clients' prompt caches need that, and in one page. */
export async function listTools({ request, services, open }: OpenRequest): Promise<MethodAnswer> {
  if (request.params.cursor !== undefined)
    return { error: { code: codes.invalidParams, message: '"cursor": the list has only one page.' } }
  const missing = new Set<string>()
  const listed = (await services.gateway.tools?.list(open.call, missing)) ?? []
  const tools = [...ownTools(services, open.call), ...listed].map(encodeTool)
  const hints = { ttlMs: missing.size > 0 ? partialListMs : listMs, cacheScope: 'private' }
  return { result: { tools, ...(request.isModern && hints) } }
}

function encodeTool({ name, description, parameters }: Tool): Fields {
  return { name, ...(description !== undefined && { description }), inputSchema: parameters }
}
