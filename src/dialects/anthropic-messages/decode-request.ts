import { ChatError } from '../../chat/error.ts'
import type { Fields } from '../../chat/message.ts'
import type { ChatRequest, OfferedTool, Parameter } from '../../chat/request.ts'
import { isFields, rest } from '../fields.ts'
import { gatewayWishes, withoutGatewayMembers } from '../gateway-members.ts'
import { mustBe, notABody, refusedBody, textIn, tooMany } from '../invalid-request.ts'
import { readFlag } from '../readings.ts'
import { referencedTools } from './decode-messages.ts'
import { decodeParameters } from './decode-parameters.ts'
import { decodeToolChoice, decodeTools } from './decode-tools.ts'
import { dialect } from './dialect.ts'
import { NativeMessages } from './native-messages.ts'
import { promptIn } from './prompt.ts'
import { refuseUnknownResults } from './refuse-unknown-results.ts'

/** Maximum number of tools of a request. */
const maxTools = 4_096
/** Members that the gateway reads itself. */
const known = ['model', 'messages', 'system', 'stream', 'tools', 'tool_choice']

/** What is known of a request beside the value of its body. */
export interface RequestSource {
  /** `anthropic-beta`: features that the client asks for, separated by commas. */
  readonly betas?: string | null
  /** The JSON of the body. */
  readonly bytes?: Uint8Array
}

/**
 * Reads the parsed body of a request to Anthropic's Messages API. Members that only Anthropic knows are kept for an upstream of
 * its dialect, and the receipt names them if they are dropped.
 * @throws ChatError `invalid-request`, with the path of the member that is wrong; `unsupported`; `too-large`
 */
export function decodeRequest(given: unknown, source: RequestSource = {}): ChatRequest {
  const request = decodePartOfRequest(given, source)
  const { native } = request
  if (native instanceof NativeMessages && !native.isPlain) refuseUnknownResults(native.value.messages)
  return request
}

/** Does the same for a part of a conversation, in which results may lack their calls. Clients count the tokens of parts. */
export function decodePartOfRequest(given: unknown, { betas, bytes }: RequestSource = {}): ChatRequest {
  if (!isFields(given)) throw notABody('"model", "max_tokens" and "messages"')
  const body = withoutGatewayMembers(given)
  const model = textIn(body, 'model', [])
  if (model === '') throw refusedBody({ path: ['model'], problem: 'must not be empty', code: 'invalid_value' })
  refuseServers(body)
  const native = new NativeMessages(body, body === given ? bytes : undefined)
  const { parameters, spelling, members } = decodeParameters(body)
  const offered = offeredTools(
    body,
    decodeTools(body.tools, () => referencedTools(native.messages)),
  )
  const { toolChoice, parallelToolCalls } = decodeToolChoice(body.tool_choice)
  const named: Partial<Record<Parameter, string>> = {
    ...spelling,
    ...(offered.tools && { tools: 'tools' }),
    ...(toolChoice && { toolChoice: 'tool_choice' }),
    ...(parallelToolCalls !== undefined && { parallelToolCalls: 'tool_choice.disable_parallel_tool_use' }),
  }
  const decoded = {
    parameters: {
      ...parameters,
      ...(offered.tools && { tools: offered.tools }),
      ...(toolChoice && { toolChoice }),
      ...(parallelToolCalls !== undefined && { parallelToolCalls }),
    },
    extra: { [dialect]: { ...rest(body, [...known, ...members]), ...offered.others, ...betasMember(betas) } },
  }
  native.note(decoded)
  return {
    dialect,
    model,
    get messages() {
      return native.messages
    },
    ...decoded,
    ...gatewayWishes(given),
    spelling: named,
    stream: streamIn(body),
    prompt: () => promptIn(body),
    native,
  }
}

/** A header is not a member of the body. Its name shows in the receipt. */
function betasMember(betas: string | null | undefined): Fields {
  const names = betas?.split(',').flatMap((name) => /^\s*([\w.:-]{1,100})\s*$/.exec(name)?.[1] ?? []) ?? []
  return names.length > 0 ? { 'anthropic-beta': names.join(',') } : {}
}

/** The gateway would have to send requests to addresses of the client's choice. */
function refuseServers({ mcp_servers }: Fields): void {
  if (!Array.isArray(mcp_servers) || mcp_servers.length === 0) return
  throw new ChatError('unsupported', {
    message: 'mcp_servers: the gateway connects only to the MCP servers of its own configuration. Leave it out.',
    param: 'mcp_servers',
  })
}

/**
 * Separates the tools that a client runs from those that Anthropic runs, which no other upstream has. Other upstreams get only
 * the client's tools. If the client has none, or if the model must call one of Anthropic's, they refuse the request.
 * @throws ChatError `too-large`
 */
function offeredTools(body: Fields, tools: readonly OfferedTool[] | undefined) {
  if (Array.isArray(body.tools) && body.tools.length > maxTools) throw tooMany('tools', 'tools', maxTools)
  const foreign = tools?.filter(({ type }) => type === 'foreign') ?? []
  if (foreign.length === 0 || foreign.length === tools?.length) return { tools, others: {} }
  const forced = isFields(body.tool_choice) ? body.tool_choice.name : undefined
  if (foreign.some(({ extra }) => extra?.[dialect]?.name === forced)) return { tools: foreign, others: {} }
  return {
    tools: tools?.filter(({ type }) => type === 'function'),
    others: Object.fromEntries(foreign.map(({ name }) => [`tools.${name}`, true])),
  }
}

function streamIn({ stream }: Fields): boolean {
  if (stream === undefined || stream === null) return false
  const reading = readFlag(stream)
  if ('wrong' in reading)
    throw refusedBody({ path: ['stream'], problem: mustBe('true or false', stream), code: 'invalid_type' })
  return reading.value ?? false
}
