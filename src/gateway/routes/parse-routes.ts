import type { RouteSettings } from '../../flow/route-settings.ts'
import { type Cursor, columnOf, expected, type RouteFault, skipSpace, take, takeSign } from './cursor.ts'
import { optionAhead, readOptions } from './parse-options.ts'
import type { GroupKind, RouteNode } from './route-tree.ts'

/** A route as it is written. A member's name may be that of another route. */
export interface RouteDefinition {
  readonly name: string
  /** Where its name stands in the text. */
  readonly at: number
  readonly tree: RouteNode
}

export interface ParsedRoutes {
  readonly definitions: readonly RouteDefinition[]
  /** At most one for each line. */
  readonly faults: readonly RouteFault[]
}

/**
 * Parses `name = a > b`, one per line or after a `;`. From the tightest: weights `a*3`, panels `a + b`, balancing `a | b`,
 * failover `a > b`, options `@ first=30s, hedge`. Parentheses make a member of any of these. A comment begins with `#`.
 * @see docs/routes.md
 */
export function parseRoutes(written: string): ParsedRoutes {
  const text = written.replaceAll(/(?<![^\s;])#[^\n]*/g, (comment) => ' '.repeat(comment.length))
  const parsed = [...text.matchAll(/[^;\n]+/g)]
    .filter(([statement]) => statement.trim() !== '')
    .map(({ 0: statement, index: at }) => readStatement({ text, end: at + statement.length, at }))
  return {
    definitions: parsed.filter((one) => 'tree' in one),
    faults: parsed.filter((one) => 'problem' in one),
  }
}

/** The lowest operator first: it holds the least. */
const levels: readonly { readonly sign: string; readonly kind: GroupKind }[] = [
  { sign: '>', kind: 'failover' },
  { sign: '|', kind: 'balance' },
  { sign: '+', kind: 'panel' },
]

/** A part that was read, and the place of its weight, which must be a member of a balance. */
interface ReadPart {
  readonly node: RouteNode
  readonly weightAt?: number
}

type PartReading = ReadPart | RouteFault

function readStatement(cursor: Cursor): RouteDefinition | RouteFault {
  skipSpace(cursor)
  const { at } = cursor
  const name = take(cursor, /[\w.:/-]{1,100}(?<!:tools)(?![\w.:/-])/y)
  if (name === undefined)
    return expected(cursor, 'the name of a route', 'for example fast = openai/gpt-5-mini > groq/llama')
  if (!takeSign(cursor, '=')) return expected(cursor, 'the = after the name of a route', 'for example fast = a > b')
  const part = readExpression(cursor)
  if ('problem' in part) return part
  skipSpace(cursor)
  if (cursor.at < cursor.end) return expected(cursor, 'an operator (> | +), options (@) or the end', continuation)
  return { name, at, tree: part.node }
}

const continuation = 'write one route a line, or a ; between two'

/** Reads a whole expression with its options. */
function readExpression(cursor: Cursor): PartReading {
  const part = readLevel(cursor, 0)
  if ('problem' in part) return part
  if (part.weightAt !== undefined) return lonelyWeight(part.weightAt)
  if (!takeSign(cursor, '@')) return part
  const options = readOptions(cursor)
  return 'problem' in options ? options : { node: withSettings(part.node, options.settings) }
}

/** The options inside parentheses win over those around them. */
function withSettings(node: RouteNode, settings: RouteSettings): RouteNode {
  return { ...node, settings: { ...settings, ...node.settings } }
}

function readLevel(cursor: Cursor, depth: number): PartReading {
  const level = levels[depth]
  if (!level) return readMember(cursor)
  const parts: ReadPart[] = []
  do {
    const part = readLevel(cursor, depth + 1)
    if ('problem' in part) return part
    parts.push(part)
  } while (takeSign(cursor, level.sign))
  const [first] = parts
  if (first && parts.length === 1) return first
  const { weightAt } = parts.find((part) => part.weightAt !== undefined) ?? {}
  if (weightAt !== undefined && level.kind !== 'balance') return lonelyWeight(weightAt)
  return { node: { kind: level.kind, members: parts.map(({ node }) => node) } }
}

function readMember(cursor: Cursor): PartReading {
  const part = takeSign(cursor, '(') ? readGroup(cursor) : readName(cursor)
  if ('problem' in part) return part
  skipSpace(cursor)
  const weightAt = cursor.at
  if (!takeSign(cursor, '*')) return part
  skipSpace(cursor)
  const { at } = cursor
  const weight = Number(take(cursor, /\d+(\.\d+)?/y))
  if (!(weight > 0 && weight <= maxWeight))
    return expected({ ...cursor, at }, `a weight over 0, up to ${maxWeight}`, 'for example a*3 | b')
  return { node: { ...part.node, weight }, weightAt }
}

const maxWeight = 1_000

/** Each level is a call within a call. */
const maxNesting = 100

function openBefore({ text, at }: Cursor): number {
  const before = text.slice(0, at)
  return before.split('(').length - before.split(')').length
}

function readGroup(cursor: Cursor): PartReading {
  const openedAt = cursor.at - 1
  if (openBefore(cursor) > maxNesting)
    return expected(
      { ...cursor, at: openedAt },
      `at most ${maxNesting} parentheses within each other`,
      'name a part of the route',
    )
  const part = readExpression(cursor)
  if ('problem' in part || takeSign(cursor, ')')) return part
  const remedy = `close the parenthesis of column ${columnOf(cursor.text, openedAt)}`
  return expected(cursor, 'an operator or the closing parenthesis', remedy)
}

/** A name may contain @, unless an option follows. */
const memberName = new RegExp(`(?:(?!${optionAhead.source})[^\\s>|+*(),;=])+`, 'y')

function readName(cursor: Cursor): PartReading {
  skipSpace(cursor)
  const { at } = cursor
  const name = take(cursor, memberName)
  if (name !== undefined && name !== '@') return { node: { kind: 'model', name, at } }
  return expected({ ...cursor, at }, 'a model or a route', 'name it as upstream/model, or begin a part with (')
}

function lonelyWeight(at: number): RouteFault {
  return {
    at,
    problem: 'gives a weight to what is not balanced',
    remedy: 'a weight is for a member of |, as in a*3 | b',
  }
}
