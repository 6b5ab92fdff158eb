import type { ChatError } from '../../chat/error.ts'
import { statusError, type UpstreamComplaint } from '../../wire/http-status.ts'
import { isFields } from './fields.ts'

/**
 * What an error body says, in the shapes seen in the field: `{error: {message, type, code, param}}`, `{error: "…"}`,
 * `{message}`, `{detail: "…"}`, `{detail: [{msg}]}`, a list around any of them.
 */
export function readComplaint(body: unknown): UpstreamComplaint {
  if (Array.isArray(body)) return readComplaint(body[0])
  if (typeof body === 'string') return { message: body }
  if (!isFields(body)) return {}
  const said = body.error ?? body
  if (!isFields(said)) return readComplaint(said)
  return {
    ...text('message', said.message ?? detailText(said.detail)),
    ...text('code', said.code),
    ...text('type', said.type),
    ...text('param', said.param),
  }
}

function detailText(detail: unknown): unknown {
  const first = Array.isArray(detail) ? detail[0] : detail
  return isFields(first) ? (first.msg ?? first.message) : first
}

function text(key: keyof UpstreamComplaint, value: unknown): UpstreamComplaint {
  return typeof value === 'string' && value !== '' ? { [key]: value } : {}
}

/** An error object inside a 200: its `code` or `status` is an HTTP status where it is a number (OpenRouter, vLLM). */
export function errorInside(error: unknown): ChatError {
  const status = isFields(error) ? Number(error.status_code ?? error.status ?? error.code) : Number.NaN
  return statusError(status >= 400 && status < 600 ? status : 0, new Headers(), readComplaint({ error }))
}
