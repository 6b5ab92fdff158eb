/** A variable that a file sets. */
export interface FileVariable {
  readonly name: string
  readonly value: string
  /** Counted from 1. */
  readonly line: number
}

/** A problem or a doubt about a line. It contains no text of the line, which may be a secret. */
export interface LineFinding {
  readonly line: number
  /** A verb phrase: `has no =`. */
  readonly problem: string
  readonly remedy: string
}

export interface EnvLines {
  readonly variables: readonly FileVariable[]
  readonly problems: readonly LineFinding[]
  /** Probable mistakes that do not prevent a start. */
  readonly doubts: readonly LineFinding[]
}

const assignment = /^\s*(?:export\s+)?([\w.-]+)\s*=[^\S\n]*/
/**
 * A quoted value up to its closing quote, as `parseEnv` finds it: a quote after a backslash does not end the value.
 */
const quotedForms: Readonly<Record<string, RegExp>> = {
  "'": /'(?:\\'|[^'])*'/y,
  '"': /"(?:\\"|[^"])*"/y,
  '`': /`(?:\\`|[^`])*`/y,
}

/**
 * Reads lines of `NAME=value` with the same result as `parseEnv`. `parseEnv` accepts any text; here each line is either
 * understood completely or reported as a problem.
 */
export function readEnvLines(written: string): EnvLines {
  const text = written.replace(/^\uFEFF/, '').replaceAll(/\r\n?/g, '\n')
  const read: LinesSoFar = { variables: [], problems: [], doubts: [] }
  for (let at = 0, line = 1; at < text.length; ) {
    const end = statementEnd(text, at)
    const statement = text.slice(at, end)
    readStatement(statement, line, read)
    line += statement.split('\n').length
    at = end + 1
  }
  return { ...read, doubts: [...read.doubts, ...findRepeats(read.variables)] }
}

interface LinesSoFar {
  readonly variables: FileVariable[]
  readonly problems: LineFinding[]
  readonly doubts: LineFinding[]
}

/** The end of the line that begins at `at`; for a quoted value, the end of the line with the closing quote. */
function statementEnd(text: string, at: number): number {
  const lineEnd = endOfLine(text, at)
  const [opening] = assignment.exec(text.slice(at, lineEnd)) ?? []
  if (opening === undefined) return lineEnd
  const closing = quotedForms[text[at + opening.length] ?? '']
  if (!closing) return lineEnd
  closing.lastIndex = at + opening.length
  return closing.test(text) ? endOfLine(text, closing.lastIndex) : lineEnd
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at)
  return end < 0 ? text.length : end
}

function readStatement(statement: string, line: number, read: LinesSoFar): void {
  if (/^\s*(#|$)/.test(statement)) return
  const [opening = '', name] = assignment.exec(statement) ?? []
  const fault = name === undefined ? faultOfLine(statement) : faultOfValue(name, statement.slice(opening.length))
  if (fault || name === undefined) {
    if (fault) read.problems.push({ line, ...fault })
    return
  }
  // loaded when it is needed, because it costs as much as a tenth of a start
  const value = process.getBuiltinModule('node:util').parseEnv(statement)[name] ?? ''
  read.variables.push({ name, value, line })
  if (/^[^'"`\s#][^\n]*?[^\s#]#/.test(statement.slice(opening.length)))
    read.doubts.push({
      line,
      problem: 'has a # in its value, which ends there',
      remedy: 'put the value in quotes if the # belongs to it',
    })
}

interface LineFault {
  readonly problem: string
  readonly remedy: string
}

const oneForm = 'write NAME=value, one per line'

/** Problems by the form of a line; the first form that matches counts. */
const otherForms: readonly (readonly [form: RegExp, problem: string, remedy?: string])[] = [
  [/^\s*\[[^\]]*\]\s*$/, 'is a section, which is not supported', 'leave it out'],
  [/^\s*[[{}\]"]/, 'looks like JSON'],
  [/^\s*(---|- )/, 'looks like YAML'],
  [/^\s*(<|<\?)/, 'looks like HTML or XML'],
  [/^\s*(\/\/|;|--|rem\s)/i, 'looks like a comment of another language', 'a comment begins with #'],
  [/^\s*(set|setx|setenv|env|\$env:\S*|let|const|declare)\b.*=/i, "looks like a shell's command"],
  [/^\s*(?:export\s+)?[\w.-]+\s*:(\s|$)/, 'looks like YAML', 'write NAME=value, with = for the colon'],
  [/=/, "has text before its = that is not a variable's name", 'a name has letters, digits and _ only'],
]

function faultOfLine(statement: string): LineFault {
  const [, problem = 'has no =', remedy = oneForm] = otherForms.find(([form]) => form.test(statement)) ?? []
  return { problem, remedy }
}

/**
 * Matches a line of another variable within a quoted value. Then the closing quote is missing, and the value has
 * ended at that variable's opening quote.
 */
const unclosedQuote = /\n\s*(?:export\s+)?[A-Z][A-Z0-9_]*=[^=\s]/
/** Variables whose values may have lines of `name = …`. */
const listOfNames = new Set(['ROUTES', 'ALIASES'])

function faultOfValue(name: string, value: string): LineFault | undefined {
  const quote = /^['"`]/.exec(value)?.[0]
  if (quote === undefined) return faultOfPlainValue(value)
  const [inside] = value.match(new RegExp(quotedForms[quote]?.source ?? quote)) ?? []
  if (inside === undefined || (unclosedQuote.test(inside) && !listOfNames.has(name)))
    return { problem: `opens a quote (${quote}) that is not closed`, remedy: 'close it at the end of the value' }
  if (/^\s*(#.*)?$/.test(value.slice(inside.length))) return undefined
  return {
    problem: 'has text after the quote that closes its value',
    remedy: 'put all of the value in quotes of another kind, or remove the text',
  }
}

function faultOfPlainValue(value: string): LineFault | undefined {
  if (/^[\u2018-\u201f\u00ab]/.test(value))
    return { problem: 'has typographic quotes around its value', remedy: 'use plain ones (") or none' }
  if (/^[[{]\s*(#.*)?$/.test(value))
    return { problem: 'begins a value of several lines', remedy: "put all of it in single quotes (')" }
  return undefined
}

function findRepeats(variables: readonly FileVariable[]): LineFinding[] {
  const first = new Map<string, number>()
  return variables.flatMap(({ name, line }) => {
    const before = first.get(name)
    first.set(name, line)
    if (before === undefined) return []
    return [{ line, problem: `sets ${name} again, and wins over line ${before}`, remedy: 'leave one of the two out' }]
  })
}
