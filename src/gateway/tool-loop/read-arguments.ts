import type { Fields } from '../../chat/message.ts'

/** The arguments, or their problem in words for the model. */
export type ReadArguments = { readonly fields: Fields } | { readonly problem: string }

/** Limit for the depth of objects and lists. */
const maxDepth = 64

/**
 * Reads the JSON from a model: an object that is not too deep, without keys that would change the prototype of a copy.
 */
export function readArguments(json: string): ReadArguments {
  // a call without arguments often comes without JSON
  const parsed = parse(json.trim() === '' ? '{}' : json)
  if (!parsed) return { problem: 'The arguments are not valid JSON.' }
  const { value } = parsed
  return checkArguments(value)
}

/** Checks arguments that are read already. */
export function checkArguments(value: unknown): ReadArguments {
  if (!isFields(value)) return { problem: 'The arguments are not a JSON object.' }
  const problem = problemIn(value)
  return problem === undefined ? { fields: value } : { problem }
}

function parse(json: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(json) }
  } catch {
    return undefined
  }
}

/** Keeps a list of values to check, because recursion over very many brackets would overflow the stack. */
function problemIn(root: Fields): string | undefined {
  const open: { readonly value: Fields; readonly depth: number }[] = [{ value: root, depth: 1 }]
  for (let next = open.pop(); next; next = open.pop()) {
    const { value, depth } = next
    if (depth > maxDepth) return `The arguments nest deeper than ${maxDepth} levels.`
    if (reachesPrototype(value)) return 'The arguments have a key that is not allowed: "__proto__" or "constructor".'
    for (const member of Object.values(value)) if (isObject(member)) open.push({ value: member, depth: depth + 1 })
  }
  return undefined
}

function reachesPrototype(value: Fields): boolean {
  if (Object.hasOwn(value, '__proto__')) return true
  const made = Object.hasOwn(value, 'constructor') ? value.constructor : undefined
  return isObject(made) && Object.hasOwn(made, 'prototype')
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}

function isFields(value: unknown): value is Fields {
  return isObject(value) && !Array.isArray(value)
}
