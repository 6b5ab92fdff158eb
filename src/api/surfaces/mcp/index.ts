import type { ChatError } from '../../../chat/error.ts'
import { redact } from '../../../chat/secret.ts'
import type { FailureReply } from '../../exchange/exchange.ts'
import { anyObject, anyOf, integer, objectOf, oneOf, text, wholeFrom } from '../json-schema.ts'
import type { Surface } from '../surface.ts'
import { codes, rpcError } from './json-rpc.ts'

const version = { jsonrpc: oneOf('2.0') }
const safeInteger = wholeFrom(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
const shared = { path: '/mcp', access: 'client', cors: true } as const

/** MCP for clients: the tools of all servers, and the gateway's own. There are no sessions, so GET and DELETE are wrong methods. */
export const surface: Surface = {
  name: 'mcp',
  error: encodeFailure,
  failure: 'McpFailure',
  schemas: {
    McpRequest: anyOf(
      objectOf({ ...version, id: anyOf(text, safeInteger), method: text, 'params?': anyObject }),
      // a notification
      { ...objectOf({ ...version, method: text }), not: objectOf({ id: {} }) },
      // an answer, although nothing is asked
      { ...objectOf({ ...version, result: {} }), not: objectOf({ method: {} }) },
      { ...objectOf({ ...version, error: {} }), not: objectOf({ method: {} }) },
    ),
    McpMessage: objectOf({
      jsonrpc: oneOf('2.0'),
      'id?': {},
      'method?': text,
      'params?': anyObject,
      'result?': anyObject,
      'error?': anyObject,
    }),
    McpFailure: objectOf({ jsonrpc: oneOf('2.0'), error: objectOf({ code: integer, message: text }) }),
  },
  routes: [
    {
      ...shared,
      method: 'POST',
      summary: 'Answers a message of the Model Context Protocol',
      takes: 'McpRequest',
      gives: 'McpMessage',
      streams: 'McpMessage',
      answers: { 202: '' },
      fails: ['not-found'],
      // loaded at the first message (docs/decisions/0050-late-modules.md)
      handler: async (exchange, services) => (await import('./answer.ts')).answerMcp(exchange, services),
    },
  ],
}

/** A failure before there is a request to answer. */
function encodeFailure({ reason, code, message, meaning: { status } }: ChatError): FailureReply {
  const isClients = status < 500 && reason !== 'cancelled'
  const known = code === 'invalid_json' ? codes.invalidJson : codes.invalidRequest
  return { status, body: rpcError(undefined, { code: isClients ? known : codes.internal, message: redact(message) }) }
}
