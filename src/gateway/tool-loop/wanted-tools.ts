import { ChatError } from '../../chat/error.ts'
import type { Fields } from '../../chat/message.ts'
import type { ChatRequest, ForeignTool } from '../../chat/request.ts'
import { excerpt } from '../../chat/secret.ts'
import { qualifiedName } from '../../tools/names.ts'
import type { Tool, ToolServerState } from '../../tools/tool.ts'

/** The end of a model's name that asks for all tools of all servers. */
const suffix = ':tools'
/** The label that stands for all servers. */
const everyServer = '*'
/** Fields that would make the gateway send requests or a credential to an address that the client chooses. */
const forbiddenFields = ['server_url', 'connector_id', 'authorization', 'headers']

/** A request for the gateway's tools, without the fields that only the gateway knows. */
export interface WantedTools {
  readonly request: ChatRequest
  /** The servers whose tools are wanted; undefined for all. */
  readonly servers?: readonly string[]
  isAllowed(tool: Tool): boolean
}

/** Whether a client asks for tools of the gateway. */
export function asksForTools({ model, parameters: { tools } }: ChatRequest): boolean {
  return model.endsWith(suffix) || tools?.some(isMcp) === true
}

/** Reads `tools: [{"type":"mcp","server_label":…}]` and the model's suffix. @throws ChatError `invalid-request` */
export function wantedTools(request: ChatRequest, servers: readonly ToolServerState[]): WantedTools {
  const { model, parameters } = request
  const { tools: sent = [], ...others } = parameters
  if ((parameters.choices ?? 1) > 1)
    throw invalidField(request.spelling.choices ?? 'n', 'must be 1 if the gateway runs tools')
  const offers = sent.flatMap((tool, at) =>
    isMcp(tool) ? [readOffer(tool.extra[request.dialect] ?? {}, `tools[${at}]`, servers)] : [],
  )
  const tools = sent.filter((tool) => !isMcp(tool))
  const isAll = model.endsWith(suffix)
  const hasEvery = isAll || offers.some(({ server }) => server === everyServer)
  return {
    request: {
      ...request,
      model: isAll ? model.slice(0, -suffix.length) : model,
      parameters: tools.length > 0 ? { ...others, tools } : others,
    },
    ...(!hasEvery && { servers: offers.map(({ server }) => server) }),
    isAllowed: (tool) => isAll || offers.some((offer) => isOffered(tool, offer)),
  }
}

interface Offer {
  readonly server: string
  /** The names of the wanted tools; undefined for all. */
  readonly tools: readonly string[] | undefined
}

function isOffered({ server, name }: Tool, offer: Offer): boolean {
  if (offer.server !== everyServer && offer.server !== server) return false
  return offer.tools?.some((allowed) => allowed === name || qualifiedName(server, allowed) === name) ?? true
}

function readOffer(extra: Fields, path: string, servers: readonly ToolServerState[]): Offer {
  const forbidden = forbiddenFields.find((field) => extra[field] !== undefined && extra[field] !== null)
  if (forbidden)
    throw invalidField(`${path}.${forbidden}`, 'is not supported, because only the configured servers can be used')
  const { server_label: server, require_approval: approval, allowed_tools: allowed } = extra
  if (typeof server !== 'string')
    throw invalidField(`${path}.server_label`, `must name a server, or be "${everyServer}"`)
  if (server !== everyServer && !servers.some(({ name }) => name === server))
    throw invalidField(
      `${path}.server_label`,
      `does not name a configured server: "${excerpt(server, 100)}". GET /api/servers lists them`,
    )
  if (approval !== undefined && approval !== null && approval !== 'never')
    throw invalidField(`${path}.require_approval`, 'can only be "never": the gateway runs the tools itself')
  return { server, tools: readAllowed(allowed, path) }
}

function readAllowed(allowed: unknown, path: string): readonly string[] | undefined {
  if (allowed === undefined || allowed === null) return undefined
  const names: unknown = isFields(allowed) ? allowed.tool_names : allowed
  if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names
  throw invalidField(`${path}.allowed_tools`, 'must be a list of names')
}

function isMcp(tool: { readonly type: string; readonly name: string }): tool is ForeignTool {
  return tool.type === 'foreign' && tool.name === 'mcp'
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalidField(param: string, what: string): ChatError {
  return new ChatError('invalid-request', { message: `${param} ${what}.`, param, code: 'invalid_value' })
}
