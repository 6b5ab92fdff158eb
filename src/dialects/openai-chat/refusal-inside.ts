import type { Fields } from '../../chat/message.ts'
import { isFields, numberIn } from '../fields.ts'

/**
 * Whether a value in place of a chunk or a whole completion is a refusal. A value with choices is an answer, unless MiniMax's
 * `base_resp` says otherwise.
 */
export function isRefusal(value: unknown): boolean {
  if (Array.isArray(value)) return isRefusal(value[0])
  if (!isFields(value)) return false
  if (isRefusedByMinimax(value.base_resp)) return true
  if (Array.isArray(value.choices) && value.choices.length > 0) return false
  return (
    isPresent(value.error) ||
    isPresent(value.errors) ||
    isPresent(value.detail) ||
    value.object === 'error' ||
    value.type === 'error' ||
    value.success === false ||
    hasFailingCode(value)
  )
}

/** Whether a reply that is not a completion has a message. */
export function saysWords(value: unknown): boolean {
  return isFields(value) && !('choices' in value) && messageIn(value) !== undefined
}

/** Whether MiniMax's `base_resp` has a code other than 0. MiniMax API, chat completion */
function isRefusedByMinimax(verdict: unknown): boolean {
  if (!isFields(verdict)) return false
  const code = numberIn(verdict.status_code ?? 0)
  return Number.isNaN(code) || code !== 0
}

function isPresent(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  return isFields(value) ? Object.keys(value).length > 0 : Boolean(value)
}

const codes = ['code', 'error_code', 'errorCode']
const statuses = ['status', 'status_code', 'statusCode']
const goodCodes: ReadonlySet<unknown> = new Set([undefined, null, '', 0, 200, 201, 202, 20_000])
const goodWord = /^(0|20[0-2]|20000|ok|success|succeeded)$/i

/** Whether it is `{code, message}` with a code of a failure: SiliconFlow, DashScope, Baidu, NestJS. */
function hasFailingCode(value: Fields): boolean {
  if (messageIn(value) === undefined) return false
  return codes.some((name) => isFailingCode(value[name])) || statuses.some((name) => isFailingStatus(value[name]))
}

function isFailingCode(code: unknown): boolean {
  return typeof code === 'string'
    ? code !== '' && !goodWord.test(code)
    : typeof code === 'number' && !goodCodes.has(code)
}

/** Other words in `status` may describe progress, so only these mean a failure. */
function isFailingStatus(status: unknown): boolean {
  return numberIn(status) >= 400 || (typeof status === 'string' && /^(error|fail|exception)/i.test(status))
}

function messageIn(value: Fields): string | undefined {
  for (const name of ['message', 'msg', 'error_msg', 'error_message', 'errorMessage']) {
    const said = value[name]
    if (typeof said === 'string' && said !== '' && !goodWord.test(said)) return said
  }
  return undefined
}
