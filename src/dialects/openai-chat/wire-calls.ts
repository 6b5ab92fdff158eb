import type { Fields } from '../../chat/message.ts'
import { maxCalls, tooManyCalls } from '../../wire/reply-limits.ts'
import { isFields } from './fields.ts'

/** What a delta says of a function or a custom tool. */
export interface WireCalled extends Fields {
  readonly name?: string | null
  readonly arguments?: unknown
  readonly input?: unknown
}

/** A part of a call in a chunk, or a whole one in a message. */
export interface WireToolDelta extends Fields {
  readonly index?: number | null
  readonly id?: string | number | null
  readonly type?: string | null
  readonly function?: WireCalled | null
  readonly custom?: WireCalled | null
}

/**
 * The calls of a delta: the list itself where all of it is right, else what of it can be read. What is no list says nothing.
 * @throws ChatError where there are too many
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

/** One call without the list around it, or a list as PHP and Lua may write it: `{"0": …}`. */
function listIn(value: Fields): readonly unknown[] {
  const isCall = 'function' in value || 'custom' in value || 'name' in value
  return isCall ? [value] : Object.values(value)
}

function readCall(value: unknown): WireToolDelta | undefined {
  if (!isFields(value)) return undefined
  return isCall(value) ? value : mendedCall(value)
}

function mendedCall(value: Fields): WireToolDelta | undefined {
  const { index, id, type, function: called, custom, ...others } = value
  const call = {
    ...unnested(others, called ?? custom),
    ...(wholeNumber(index) !== undefined && { index: wholeNumber(index) }),
    ...(isId(id) && { id }),
    ...(typeof type === 'string' && { type }),
    ...(isFields(called) && { function: mendedCalled(called) }),
    ...(isFields(custom) && { custom: mendedCalled(custom) }),
  }
  return isCall(call) ? call : undefined
}

/** Cloudflare's Workers AI has the name and the arguments in the call itself. */
function unnested(call: Fields, called: unknown): Fields {
  if (isFields(called) || typeof call.name !== 'string') return call
  const { name, arguments: json, ...others } = call
  return { ...others, function: { name, arguments: json } }
}

function mendedCalled({ name, ...others }: Fields): Fields {
  return typeof name === 'string' ? { name, ...others } : others
}

function isCall(value: Fields): value is WireToolDelta {
  const { index, id, type, function: called, custom, name } = value
  const isFlat = isNone(called) && isNone(custom) && typeof name === 'string'
  return (
    !isFlat &&
    (isNone(index) || typeof index === 'number') &&
    (isNone(id) || isId(id)) &&
    (isNone(type) || typeof type === 'string') &&
    isCalled(called) &&
    isCalled(custom)
  )
}

function isCalled(value: unknown): boolean {
  return isNone(value) || (isFields(value) && (isNone(value.name) || typeof value.name === 'string'))
}

function isId(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number'
}

function isNone(value: unknown): boolean {
  return value === undefined || value === null
}

/** A whole number, also where it is written as text. */
export function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isInteger(number) ? number : undefined
}
