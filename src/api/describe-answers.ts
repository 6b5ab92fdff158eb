import { type Reason, reasons } from '../chat/error.ts'
import type { JsonSchema } from './surfaces/json-schema.ts'
import type { Surface, SurfaceRoute } from './surfaces/surface.ts'

/** Why the door refuses a request to any route, with a key or without. */
const anywhere: readonly Reason[] = ['invalid-request', 'forbidden', 'internal']
/** Why it refuses a request to a route that is not open. */
const guarded: readonly Reason[] = ['unauthorized', 'too-many-attempts', 'unavailable']
/** Why a body is refused before it is understood. */
const ofBodies: readonly Reason[] = ['too-slow', 'too-large', 'unsupported-media']

/** The headers of answers, which the answers refer to. */
export const headers = {
  RequestId: { description: 'The id of the request, as in the log', required: true, schema: { type: 'string' } },
  RetryAfter: { description: 'Seconds to wait', schema: { type: 'string', pattern: '^[0-9]+$' } },
  Challenge: { description: 'How a key is sent', required: true, schema: { type: 'string' } },
}

const requestId = { 'x-request-id': refToHeader('RequestId') }

/** The answers of a route by their status. */
export function describeAnswers(surface: Surface, route: SurfaceRoute): JsonSchema {
  const { summary, status = 200, answers = {} } = route
  const content = contentOf(route)
  const asked = Object.entries(answers).map(([other, schema]) => [
    other,
    {
      description: schema === '' ? 'Accepted, and there is nothing to answer' : summary,
      headers: requestId,
      ...jsonOf([schema]),
    },
  ])
  const failures = statusesOf(route).map((failed) => {
    const own = answers[failed]
    return [String(failed), own === undefined ? refToFailure(surface, failed) : bothOf(own, surface, failed)]
  })
  return {
    ...(Object.keys(content).length > 0 && { [status]: { description: summary, headers: requestId, content } }),
    ...Object.fromEntries([...asked, ...failures]),
  }
}

/** Every failure that a route of these surfaces refers to. */
export function describeFailures(surfaces: readonly Surface[]): Readonly<Record<string, JsonSchema>> {
  const all = surfaces.flatMap((surface) =>
    surface.routes.flatMap((route) =>
      statusesOf(route)
        .filter((status) => route.answers?.[status] === undefined)
        .map((status) => [nameOf(surface, status), failureOf(status, [surface.failure])] as const),
    ),
  )
  return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The statuses of a route's failures, in order. */
function statusesOf({ access, takes, takesForm, fails = [] }: SurfaceRoute): readonly number[] {
  const hasBody = takes !== undefined || takesForm !== undefined
  const all = [...anywhere, ...(access === 'open' ? [] : guarded), ...(hasBody ? ofBodies : []), ...fails]
  return [...new Set(all.map((reason) => reasons[reason].status))].sort((a, b) => a - b)
}

function failureOf(status: number, schemas: readonly (string | undefined)[]): JsonSchema {
  const codes = Object.values(reasons).flatMap((reason) => (reason.status === status ? [reason.code] : []))
  return {
    description: `A failure, such as ${[...new Set(codes)].join(', ')}`,
    headers: {
      ...requestId,
      ...(status === 401 && { 'www-authenticate': refToHeader('Challenge') }),
      ...((status === 429 || status === 503) && { 'retry-after': refToHeader('RetryAfter') }),
    },
    ...jsonOf(schemas),
  }
}

/** A failure at whose status the route also answers on purpose. */
function bothOf(own: string, { failure }: Surface, status: number): JsonSchema {
  return failureOf(status, [...new Set([own, failure])])
}

function refToFailure(surface: Surface, status: number): JsonSchema {
  return { $ref: `#/components/responses/${nameOf(surface, status)}` }
}

function nameOf({ failure = 'Failure' }: Surface, status: number): string {
  return `${failure}${status}`
}

function contentOf({ gives, givesText = [], givesBytes = [], streams }: SurfaceRoute): JsonSchema {
  return {
    ...(gives && { 'application/json': { schema: refTo(gives) } }),
    ...Object.fromEntries(givesText.map((type) => [type, { schema: { type: 'string' } }])),
    ...Object.fromEntries(givesBytes.map((type) => [type, {}])),
    ...(streams && { 'text/event-stream': { schema: eventOf(streams) } }),
  }
}

/** An event of a stream, whose data is one JSON text. Some dialects end with the data `[DONE]`. */
function eventOf(name: string): JsonSchema {
  const text = { type: 'string' }
  const contentSchema = { $ref: `#/components/schemas/${name}` }
  const data = { ...text, anyOf: [{ const: '[DONE]' }, { contentMediaType: 'application/json', contentSchema }] }
  return { type: 'object', properties: { event: text, id: text, data }, required: ['data'] }
}

function jsonOf(names: readonly (string | undefined)[]): JsonSchema {
  const [first, ...others] = names.flatMap((name) => (name ? [refTo(name)] : []))
  if (!first) return {}
  return { content: { 'application/json': { schema: others.length > 0 ? { anyOf: [first, ...others] } : first } } }
}

function refToHeader(name: keyof typeof headers): JsonSchema {
  return { $ref: `#/components/headers/${name}` }
}

function refTo(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` }
}
