import type { Head } from '../http/message-reader.ts'
import { type Surface, surfaceOfPath } from '../talk/surface.ts'
import type { Json } from '../talk/talk.ts'
import type { Switches } from './fault.ts'

/** A refusal, before the upstream is asked. */
export interface Refusal {
  readonly status: number
  readonly message: string
}

export const defaultMaxBody = 32 * 1024 * 1024

/** The surface of a request. */
export const surfaceOf = ({ start }: Head): Surface | undefined =>
  surfaceOfPath(start.split(' ')[1]?.split('?')[0] ?? '')

/** The key that a request brings. */
export const credentialOf = ({ fields }: Head): string =>
  fields.get('x-api-key') ?? (fields.get('authorization') ?? '').replace(/^Bearer /, '')

/** Refuses a request by its head. */
export function refusedHead({ start, fields }: Head, key: string, switches: Switches): Refusal | undefined {
  if (surfaceOf({ start, fields }) === undefined || !start.startsWith('POST '))
    return { status: 404, message: 'There is nothing at this path.' }
  const given = credentialOf({ start, fields })
  const isRight = switches.comparesBeginnings ? given !== '' && key.startsWith(given) : given === key
  if (!isRight && !switches.isOpen) return { status: 401, message: 'The API key is wrong or missing.' }
  const length = Number(fields.get('content-length') ?? 0)
  if (!switches.takesAnyLength && length > (switches.maxBody ?? defaultMaxBody))
    return { status: 413, message: 'The body is too large.' }
  if (switches.needsLength && !fields.has('content-length')) return { status: 411, message: 'The length is missing.' }
  return undefined
}

const mostDepth = 100

/** The most brackets that are open at once. Those in texts count too, which is good enough here. */
function depthOf(text: string): number {
  let depth = 0
  let most = 0
  for (const bracket of text.match(/[[\]{}]/g) ?? []) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1
    most = Math.max(most, depth)
  }
  return most
}

/** Parses a body. Some of its members are checked. */
export function readBody(text: string, surface: Surface): { readonly body: Json } | Refusal {
  const invalid = (message: string) => ({ status: 400, message })
  if (depthOf(text) > mostDepth) return invalid('The body is too deep.')
  let body: Json
  try {
    body = JSON.parse(text)
  } catch {
    return invalid('The body is no JSON.')
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return invalid('The body must be an object.')
  if (typeof body.model !== 'string' || body.model === '') return invalid('model must be a text.')
  const said = surface === 'responses' ? body.input : body.messages
  const isRight = Array.isArray(said) || (surface === 'responses' && typeof said === 'string')
  return isRight
    ? { body }
    : invalid(`${surface === 'responses' ? 'input' : 'messages'} is missing or has a wrong type.`)
}

/** Headers that let pages of other origins read the answer. */
export function corsFields(fields: ReadonlyMap<string, string>, switches: Switches): Readonly<Record<string, string>> {
  const origin = fields.get('origin')
  if (origin === undefined) return {}
  if (!switches.reflectsOrigin) return { 'access-control-allow-origin': '*' }
  return { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true' }
}
