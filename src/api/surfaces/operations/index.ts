import { encodeFailure } from '../../../dialects/openai-chat/encode-error.ts'
import { errorSchema } from '../../../dialects/openai-chat/error-schema.ts'
import { answerJson } from '../../exchange/answer-json.ts'
import { shuttingDown } from '../../exchange/shutting-down.ts'
import type { Surface } from '../surface.ts'
import { schemas } from './schemas.ts'

const greeting = 'tributary: every upstream, one stream. The OpenAI API is at /v1.'

const greet = answerJson((_request, _call, { version }) => ({ body: { message: greeting, version } }))

const tellHealth = answerJson((_request, _call, { version }) => ({ body: { status: 'ok', version } }))

/** Names no file and no upstream: anybody may ask. The log says more. */
const tellReadiness = answerJson((_request, _call, { isStateWell, tools, phase }) => {
  if (phase() !== 'open') throw shuttingDown()
  const isWell = isStateWell()
  const body = {
    status: isWell ? 'ready' : 'degraded',
    state: isWell ? 'ok' : 'failing',
    // one that fails is no reason to send requests elsewhere
    tools: Object.fromEntries(tools.servers().map(({ name, status }) => [name, status])),
  }
  return { body }
})

const open = { access: 'open', cors: false } as const

/** What those ask who watch over the program. */
export const surface: Surface = {
  name: 'operations',
  error: encodeFailure,
  failure: 'Error',
  schemas: { ...schemas, Error: errorSchema },
  routes: [
    { ...open, method: 'GET', path: '/', summary: 'Says what this is', gives: 'Greeting', handler: greet },
    {
      ...open,
      method: 'GET',
      path: '/health',
      isLast: true,
      summary: 'Says that the program runs',
      gives: 'Health',
      handler: tellHealth,
    },
    {
      ...open,
      method: 'GET',
      path: '/ready',
      isLast: true,
      summary: 'Says whether it takes work, and how its parts are',
      gives: 'Readiness',
      handler: tellReadiness,
    },
  ],
}
