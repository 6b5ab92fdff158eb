import type { Fields } from '../../chat/message.ts'
import { maxCalls, tooManyCalls } from '../../wire/reply-limits.ts'
import { isFields } from '../fields.ts'

/** The function or custom tool of a call. */
export interface WireCalled extends Fields {
  readonly name?: string | null
  readonly arguments?: unknown
  readonly input?: unknown
}

/** A piece of a tool call in a chunk, or a whole one in a message. */
export interface WireToolDelta extends Fields {
  readonly index?: number | null
  readonly id?: string | number | null
  readonly type?: string | null
  readonly function?: WireCalled | null
  readonly custom?: WireCalled | null
}

/**
 * Returns the tool calls of a delta that can be read; undefined if there is no list.
 * @throws ChatError if there are too many
 */
export function readCalls(value: unknown): readonly WireToolDelta[] | undefined {
  const list = isFields(value) ? listIn(value) : value
  if (!Array.isArray(list) || list.length === 0) return undefined
  if (list.length > maxCalls) throw tooManyCalls()
  const calls: WireToolDelta[] = []
  for (const each of list) {
    const call = readCall(each)
    if (call) calls.push(call)
  }
  return calls
}

/** Reads one call without a list, or a list as PHP and Lua may write it: `{"0": …}`. */
function listIn(value: Fields): readonly unknown[] {
  const isCall = 'function' in value || 'custom' in value || 'name' in value
  return isCall ? [value] : Object.values(value)
}

function readCall(value: unknown): WireToolDelta | undefined {
  if (!isFields(value)) return undefined
  return isCall(value) ? value : repairCall(value)
}

function repairCall(value: Fields): WireToolDelta | undefined {
  const { index, id, type, function: called, custom, ...others } = value
  const call = {
    ...nestFunction(others, called ?? custom),
    ...(wholeNumber(index) !== undefined && { index: wholeNumber(index) }),
    ...(isId(id) && { id }),
    ...(typeof type === 'string' && { type }),
    ...(isFields(called) && { function: repairFunction(called) }),
    ...(isFields(custom) && { custom: repairFunction(custom) }),
  }
  return isCall(call) ? call : undefined
}

/** Cloudflare's Workers AI puts the name and the arguments into the call itself. */
function nestFunction(call: Fields, called: unknown): Fields {
  if (isFields(called) || typeof call.name !== 'string') return call
  const { name, arguments: json, ...others } = call
  return { ...others, function: { name, arguments: json } }
}

function repairFunction({ name, ...others }: Fields): Fields {
  return typeof name === 'string' ? { name, ...others } : others
}

function isCall(value: Fields): value is WireToolDelta {
  const { index, id, type, function: called, custom, name } = value
  const isFlat = isAbsent(called) && isAbsent(custom) && typeof name === 'string'
  return (
    !isFlat &&
    (isAbsent(index) || typeof index === 'number') &&
    (isAbsent(id) || isId(id)) &&
    (isAbsent(type) || typeof type === 'string') &&
    isCalled(called) &&
    isCalled(custom)
  )
}

function isCalled(value: unknown): boolean {
  return isAbsent(value) || (isFields(value) && (isAbsent(value.name) || typeof value.name === 'string'))
}

function isId(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number'
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null
}

/** Reads a whole number, which may be written as text. */
export function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isInteger(number) ? number : undefined
}
