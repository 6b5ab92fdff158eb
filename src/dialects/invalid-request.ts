import type { z } from 'zod'
import { ChatError } from '../chat/error.ts'
import type { Fields } from '../chat/message.ts'
import { excerpt } from '../chat/secret.ts'

type Issue = z.core.$ZodIssue

/** What is wrong with a value, and where in it. */
export interface Fault {
  readonly path: readonly PropertyKey[]
  /** The end of a sentence that begins with the path. */
  readonly problem: string
  /** OpenAI's code for the fault. */
  readonly code: string
}

/** A fault in the form for the client. */
export interface Complaint {
  readonly param: string
  readonly message: string
  readonly code: string
}

/** Returns the first fault that a schema finds. The value is not repeated, because it may be private. */
export function faultIn(error: z.ZodError): Fault {
  const issue = deepestIssue(error.issues[0])
  return issue
    ? { path: issue.path, problem: sayIssue(issue), code: codeOf(issue) }
    : { path: [], problem: 'has a value of the wrong type or kind', code: 'invalid_value' }
}

/** @param path the place of the faulty value in the body */
export function complaintOf({ path: within, problem, code }: Fault, path: readonly PropertyKey[] = []): Complaint {
  const param = formatPath([...path, ...within])
  return { param, message: `${param}: ${problem}.`, code }
}

/** Returns the error for a body that is refused because of a fault. */
export function refusedBody(fault: Fault, path: readonly PropertyKey[] = []): ChatError {
  return new ChatError('invalid-request', complaintOf(fault, path))
}

/** Where a value stands in a body. */
export type BodyPath = readonly PropertyKey[]

/** Returns a member that must be a text. @throws ChatError `invalid-request` */
export function textIn(object: Fields, name: string, path: BodyPath): string {
  const value = object[name]
  if (typeof value === 'string') return value
  const problem = value === undefined ? 'is required' : mustBe('a string', value)
  const code = value === undefined ? 'missing_required_parameter' : 'invalid_type'
  throw refusedBody({ path: [...path, name], problem, code })
}

/**
 * Returns the error for the first fault that a schema finds. The value is not repeated, because it may be private.
 * @param needed a phrase for the members that every body must have
 */
export function invalidRequest(error: z.ZodError, needed: string): ChatError {
  const fault = faultIn(error)
  return fault.path.length > 0 ? refusedBody(fault) : notABody(needed, fault.code)
}

/** @param needed a phrase for the members that every body must have */
export function notABody(needed: string, code = 'invalid_type'): ChatError {
  return new ChatError('invalid-request', { message: `The body must be a JSON object with ${needed}.`, code })
}

/** Returns OpenAI's code for the fault. */
export function codeOf(issue: Issue): string {
  if (issue.code === 'custom' && typeof issue.params?.code === 'string') return issue.params.code
  if (isMissing(issue)) return 'missing_required_parameter'
  return issue.code === 'invalid_type' ? 'invalid_type' : 'invalid_value'
}

/** Returns the error for a list that is too long. */
export function tooMany(param: string, what: string, most: number): ChatError {
  return new ChatError('too-large', { message: `${param}: there are more than ${most} ${what}.`, param })
}

/** Describes a fault as the end of a sentence that begins with the path. */
export function sayIssue(issue: Issue): string {
  if (isMissing(issue)) return 'is required'
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${nouns[issue.expected] ?? issue.expected}${describeReceived(issue)}`
    case 'too_small':
      return issue.origin === 'string' || issue.origin === 'array'
        ? 'must not be empty'
        : `must be ${issue.minimum} or more`
    case 'too_big':
      return `must be ${issue.maximum} or less`
    default:
      return issue.message === 'Invalid input' ? 'has a value of the wrong type or kind' : issue.message
  }
}

const nouns: Readonly<Partial<Record<string, string>>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
}

/** Writes that a value must be `noun`, and what it is instead. */
export function mustBe(noun: string, value: unknown): string {
  const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  const describeReceived = nouns[type] ?? type
  return describeReceived === noun || (noun === nouns.int && type === 'number')
    ? `must be ${noun}`
    : `must be ${noun}, not ${describeReceived}`
}

/** Returns the type that came instead. It takes only the word for the type from zod's message, never the value. */
function describeReceived(issue: Issue): string {
  const type = /received (\w+)$/.exec(issue.message)?.[1] ?? ''
  const noun = nouns[type] ?? type
  return noun === '' || (noun === nouns.number && isInt(issue)) ? '' : `, not ${noun}`
}

function isInt(issue: Issue): boolean {
  return issue.code === 'invalid_type' && issue.expected === 'int'
}

function isMissing(issue: Issue): boolean {
  if (issue.code === 'custom') return issue.message === 'is required'
  return issue.code === 'invalid_type' && /undefined$/.test(issue.message)
}

/** Returns the fault of the alternative of a union that matched furthest, because it is the most precise. */
function deepestIssue(issue: Issue | undefined): Issue | undefined {
  if (issue?.code !== 'invalid_union') return issue
  const inner = issue.errors.map((issues) => deepestIssue(issues[0])).filter((found) => found !== undefined)
  const best = inner.reduce<Issue | undefined>((a, b) => (a && a.path.length >= b.path.length ? a : b), undefined)
  if (!best || (best.path.length === 0 && !isMissing(best))) return issue
  return { ...best, path: [...issue.path, ...best.path] }
}

export function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((key, at) => (typeof key === 'number' ? `[${key}]` : `${at ? '.' : ''}${excerpt(String(key), 64)}`))
    .join('')
}
