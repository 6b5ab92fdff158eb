import { ChatError } from '../../../chat/error.ts'
import { encodeFailure } from '../../../dialects/openai-chat/encode-error.ts'
import { errorSchema } from '../../../dialects/openai-chat/error-schema.ts'
import { answerJson } from '../../exchange/answer-json.ts'
import { objectOf, text } from '../json-schema.ts'
import type { Handler, Surface } from '../surface.ts'
import { documentHeaders, fileHeaders } from './headers.ts'

/** Loaded with the first browser: from source the page is built then, and most requests are no browser's. */
const page = (): typeof import('../../../console/console-page.ts') => require('../../../console/console-page.ts')

const base = '/console/'
/** Browsers get the page, and everybody else the message and the version. */
function pageOr(message: string): Handler {
  const greet = answerJson((_request, _call, { version }) => ({
    body: { message, version },
    headers: { vary: 'Accept' },
  }))
  return (exchange, services) => {
    if (!wantsPage(exchange.request.headers)) return greet(exchange, services)
    const headers = Object.assign(exchange.newHeaders(), documentHeaders)
    return new Response(page().pageDocument(base), { headers })
  }
}

const sendFile: Handler = (exchange) => {
  const file = page().pageFiles.get(exchange.params.file ?? '')
  if (!file)
    throw new ChatError('not-found', {
      message: 'The console has no such file. Load the page again: it was made for another version.',
    })
  const headers = Object.assign(exchange.newHeaders(), fileHeaders, { 'content-type': file.type })
  if (!accepts(exchange.request.headers.get('accept-encoding'), 'gzip'))
    return new Response(Bun.gunzipSync(file.gzip), { headers })
  return new Response(file.gzip, { headers: { ...headers, 'content-encoding': 'gzip' } })
}

/** A program that takes anything does not name HTML. */
function wantsPage(headers: Headers): boolean {
  return accepts(headers.get('accept'), 'text/html')
}

/** Whether a header such as `Accept` names this value, and does not refuse it with `q=0`. */
function accepts(header: string | null, value: string): boolean {
  return (header ?? '').split(',').some((item) => {
    const [name, ...parameters] = item.split(';').map((text) => text.trim().toLowerCase())
    return name === value && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))
  })
}

/** The page for the operator's browser. */
export const surface: Surface = {
  name: 'console',
  error: encodeFailure,
  failure: 'Error',
  schemas: { Greeting: objectOf({ message: text, version: text }), Error: errorSchema },
  routes: [
    {
      access: 'open',
      cors: false,
      method: 'GET',
      path: '/',
      summary: 'Shows the console to browsers, and names the program and its version to everything else',
      gives: 'Greeting',
      givesText: ['text/html'],
      handler: pageOr('tributary: every upstream, one stream. The OpenAI API is at /v1.'),
    },
    {
      access: 'open',
      cors: false,
      method: 'GET',
      path: '/docs',
      summary: 'Shows every route to browsers, and names the OpenAPI document to everything else',
      gives: 'Greeting',
      givesText: ['text/html'],
      handler: pageOr('Every route is described at /openapi.json, and for people in a browser at /docs.'),
    },
    {
      access: 'open',
      cors: false,
      method: 'GET',
      path: `${base}{file}`,
      summary: 'Sends a file of the console',
      givesBytes: ['*/*'],
      fails: ['not-found'],
      handler: sendFile,
    },
  ],
}
