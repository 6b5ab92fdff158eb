import type { ChatError } from '../../chat/error.ts'
import type { Fields } from '../../chat/message.ts'
import { statusError, type UpstreamComplaint } from '../../wire/http-status.ts'
import { isFields } from './fields.ts'

/**
 * What an error body says, in the shapes seen in the field: `{error: {message, type, code, param}}`, `{error: "…"}`,
 * `{message}`, `{detail: "…"}`, `{detail: [{msg, loc}]}`, the same within `message` (Mistral), a list around any of them.
 */
export function readComplaint(body: unknown): UpstreamComplaint {
  if (Array.isArray(body)) return readComplaint(body[0])
  if (typeof body === 'string') return { message: body }
  if (!isFields(body)) return {}
  const said = body.error ?? body
  if (!isFields(said)) return readComplaint(said)
  const detail = detailIn(isFields(said.message) ? said.message : said)
  return {
    ...text('message', isFields(said.message) ? detail.message : (said.message ?? detail.message)),
    ...text('code', said.code),
    ...text('type', said.type),
    ...text('param', said.param ?? detail.param),
  }
}

/** FastAPI's, of which the first is said: `loc` is a path such as `['body', 'messages', 0, 'content']`. */
function detailIn({ detail }: Fields): { readonly message?: unknown; readonly param?: unknown } {
  const first = Array.isArray(detail) ? detail[0] : detail
  return isFields(first) ? { message: first.msg ?? first.message, param: pathText(first.loc) } : { message: first }
}

function pathText(loc: unknown): string | undefined {
  if (!Array.isArray(loc)) return undefined
  const steps = loc[0] === 'body' ? loc.slice(1) : loc
  return steps.map((step, at) => (typeof step === 'number' ? `[${step}]` : `${at > 0 ? '.' : ''}${step}`)).join('')
}

function text(key: keyof UpstreamComplaint, value: unknown): UpstreamComplaint {
  return typeof value === 'string' && value !== '' ? { [key]: value } : {}
}

/**
 * An error inside a 200, wherever it is wrapped: its `code` or `status` is an HTTP status where it is a number
 * (OpenRouter, vLLM).
 */
export function errorInside(value: unknown): ChatError {
  const error = unwrapped(value)
  const codes = isFields(error) ? [error.status_code, error.status, error.code].map(Number) : []
  const status = codes.find((code) => code >= 400 && code < 600) ?? 0
  return statusError(status, new Headers(), readComplaint(error))
}

/** `{error}` within `{error}` and lists around it: an event named `error`, Gemini. */
function unwrapped(value: unknown): unknown {
  let inner = value
  for (let depth = 0; depth < 4; depth++) {
    if (Array.isArray(inner)) inner = inner[0]
    else if (isFields(inner) && inner.error) inner = inner.error
  }
  return inner
}
