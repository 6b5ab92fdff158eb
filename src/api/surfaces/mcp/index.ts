import type { ChatError } from '../../../chat/error.ts'
import { redact } from '../../../chat/secret.ts'
import type { FailureReply } from '../../exchange/exchange.ts'
import { anyObject, integer, objectOf, oneOf, text } from '../json-schema.ts'
import type { Handler, Surface } from '../surface.ts'
import { codes, rpcError } from './json-rpc.ts'

const shared = { path: '/mcp', access: 'client', cors: true } as const

/** MCP for clients: the tools of all servers, and the gateway's own. */
export const surface: Surface = {
  name: 'mcp',
  error: encodeFailure,
  failure: 'McpFailure',
  schemas: {
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
      takes: 'McpMessage',
      gives: 'McpMessage',
      streams: 'McpMessage',
      // loaded at the first message (docs/decisions/0050-late-modules.md)
      handler: async (exchange, services) => (await import('./answer.ts')).answerMcp(exchange, services),
    },
    { ...shared, method: 'GET', summary: 'Refuses a stream, because there are no sessions', handler: refuseSession },
    {
      ...shared,
      method: 'DELETE',
      summary: 'Refuses to end a session: this server keeps no sessions',
      handler: refuseSession,
    },
  ],
}

/** A failure before there is a request to answer. */
function encodeFailure({ reason, code, message, meaning: { status } }: ChatError): FailureReply {
  const isClients = status < 500 && reason !== 'cancelled'
  const known = code === 'invalid_json' ? codes.invalidJson : codes.invalidRequest
  return { status, body: rpcError(undefined, { code: isClients ? known : codes.internal, message: redact(message) }) }
}

function refuseSession(...[exchange]: Parameters<Handler>): Response {
  const message = 'There are no sessions here. Send each message with POST.'
  const headers = Object.assign(exchange.newHeaders(), { allow: 'POST', 'content-type': 'application/json' })
  return new Response(JSON.stringify(rpcError(undefined, { code: codes.invalidRequest, message })), {
    status: 405,
    headers,
  })
}
