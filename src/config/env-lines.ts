import { parseEnv } from 'node:util'

/** A variable that a file sets. */
export interface FileVariable {
  readonly name: string
  readonly value: string
  /** Counted from 1. */
  readonly line: number
}

/** Something about a line, without a word of what stands in it: that may be a secret. */
export interface LineFinding {
  readonly line: number
  /** A verb phrase: `has no =`. */
  readonly problem: string
  readonly remedy: string
}

export interface EnvLines {
  readonly variables: readonly FileVariable[]
  readonly problems: readonly LineFinding[]
  /** What can be lived with, but is probably not meant so. */
  readonly doubts: readonly LineFinding[]
}

const assignment = /^\s*(?:export\s+)?([\w.-]+)\s*=[^\S\n]*/
/** The closing quote as `parseEnv` looks for it: one after a backslash does not close. */
const quoted: Readonly<Record<string, RegExp>> = {
  "'": /'(?:\\'|[^'])*'/y,
  '"': /"(?:\\"|[^"])*"/y,
  '`': /`(?:\\`|[^`])*`/y,
}

/**
 * Reads lines of `NAME=value` as `parseEnv` does, which takes whatever it is given: here each line is either understood
 * whole, or it is a problem.
 */
export function readEnvLines(written: string): EnvLines {
  const text = written.replace(/^\uFEFF/, '').replaceAll(/\r\n?/g, '\n')
  const read: Reading = { variables: [], problems: [], doubts: [] }
  for (let at = 0, line = 1; at < text.length; ) {
    const end = statementEnd(text, at)
    const statement = text.slice(at, end)
    readStatement(statement, line, read)
    line += statement.split('\n').length
    at = end + 1
  }
  return { ...read, doubts: [...read.doubts, ...repeats(read.variables)] }
}

interface Reading {
  readonly variables: FileVariable[]
  readonly problems: LineFinding[]
  readonly doubts: LineFinding[]
}

/** Where the line ends that begins here; or, of a quoted value, the line in which its quote is closed. */
function statementEnd(text: string, at: number): number {
  const lineEnd = endOfLine(text, at)
  const [opening] = assignment.exec(text.slice(at, lineEnd)) ?? []
  if (opening === undefined) return lineEnd
  const closing = quoted[text[at + opening.length] ?? '']
  if (!closing) return lineEnd
  closing.lastIndex = at + opening.length
  return closing.test(text) ? endOfLine(text, closing.lastIndex) : lineEnd
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at)
  return end < 0 ? text.length : end
}

function readStatement(statement: string, line: number, read: Reading): void {
  if (/^\s*(#|$)/.test(statement)) return
  const [opening = '', name] = assignment.exec(statement) ?? []
  const fault = name === undefined ? faultOfLine(statement) : faultOfValue(name, statement.slice(opening.length))
  if (fault || name === undefined) {
    if (fault) read.problems.push({ line, ...fault })
    return
  }
  const value = parseEnv(statement)[name] ?? ''
  read.variables.push({ name, value, line })
  if (/^[^'"`\s#][^\n]*?[^\s#]#/.test(statement.slice(opening.length)))
    read.doubts.push({
      line,
      problem: 'has a # within its value, which ends there',
      remedy: 'put the value in quotes if the # belongs to it',
    })
}

interface Fault {
  readonly problem: string
  readonly remedy: string
}

const oneForm = 'write NAME=value, one a line'

/** By the first form that fits. */
const otherForms: readonly (readonly [form: RegExp, problem: string, remedy?: string])[] = [
  [/^\s*\[[^\]]*\]\s*$/, 'is a section, and there are none here', 'leave it out'],
  [/^\s*[[{}\]"]/, 'looks like JSON'],
  [/^\s*(---|- )/, 'looks like YAML'],
  [/^\s*(<|<\?)/, 'looks like HTML or XML'],
  [/^\s*(\/\/|;|--|rem\s)/i, 'looks like a comment of another language', 'a comment begins with #'],
  [/^\s*(set|setx|setenv|env|\$env:\S*|let|const|declare)\b.*=/i, "looks like a shell's command"],
  [/^\s*(?:export\s+)?[\w.-]+\s*:(\s|$)/, 'looks like YAML', 'write NAME=value, with = for the colon'],
  [/=/, 'has something before its = that is no name of a variable', 'a name has letters, digits and _ only'],
]

function faultOfLine(statement: string): Fault {
  const [, problem = 'has no =', remedy = oneForm] = otherForms.find(([form]) => form.test(statement)) ?? []
  return { problem, remedy }
}

/** A line of another variable within a value: its quote was closed by one that was meant to open another. */
const swallowed = /\n\s*(?:export\s+)?[A-Z][A-Z0-9_]*=[^=\s]/
/** Their values are lines of `name = …`. */
const listOfNames = new Set(['ROUTES', 'ALIASES'])

function faultOfValue(name: string, value: string): Fault | undefined {
  const quote = /^['"`]/.exec(value)?.[0]
  if (quote === undefined) return faultOfPlainValue(value)
  const [inside] = value.match(new RegExp(quoted[quote]?.source ?? quote)) ?? []
  if (inside === undefined || (swallowed.test(inside) && !listOfNames.has(name)))
    return { problem: `opens a quote (${quote}) that is not closed`, remedy: 'close it at the end of the value' }
  if (/^\s*(#.*)?$/.test(value.slice(inside.length))) return undefined
  return {
    problem: 'has text after the quote that closes its value',
    remedy: 'put all of the value in quotes of another kind, or take the text away',
  }
}

function faultOfPlainValue(value: string): Fault | undefined {
  if (/^[\u2018-\u201f\u00ab]/.test(value))
    return { problem: 'has typographic quotes around its value', remedy: 'use plain ones (") or none' }
  if (/^[[{]\s*(#.*)?$/.test(value))
    return { problem: 'begins a value of several lines', remedy: "put all of it in single quotes (')" }
  return undefined
}

function repeats(variables: readonly FileVariable[]): LineFinding[] {
  const first = new Map<string, number>()
  return variables.flatMap(({ name, line }) => {
    const before = first.get(name)
    first.set(name, line)
    if (before === undefined) return []
    return [{ line, problem: `sets ${name} again, and wins over line ${before}`, remedy: 'leave one of the two out' }]
  })
}
