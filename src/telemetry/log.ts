import { inspect } from 'node:util'
import pino from 'pino'
import type { Logger } from '../chat/call.ts'
import { redact } from '../chat/secret.ts'

export interface LogOptions {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'
  readonly format: 'pretty' | 'json'
  /** Takes whole lines. */
  write(line: string): void
}

/**
 * The program's log. A secret is hidden by its type wherever it stands in a line; whatever known secret an upstream or a
 * library has put into a text is cut out of the finished line as well.
 */
export function openLog({ level, format, write }: LogOptions): Logger {
  const destination = { write: (line: string) => write(redact(format === 'json' ? escaped(line) : pretty(line))) }
  const root = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (thrown: unknown) => describe(thrown) },
    },
    destination,
  )
  return bound(root, {})
}

type Level = 'debug' | 'info' | 'warn' | 'error'

/** A logger whose lines bear these fields. They are put together when a line is written, not when a request begins. */
function bound(root: pino.Logger, fields: object): Logger {
  const write = (level: Level, own: object, message: string) => {
    if (root.isLevelEnabled(level)) root[level]({ ...fields, ...own }, message)
  }
  return {
    debug: (own, message) => write('debug', own, message),
    info: (own, message) => write('info', own, message),
    warn: (own, message) => write('warn', own, message),
    error: (own, message) => write('error', own, message),
    child: (more) => bound(root, { ...fields, ...more }),
  }
}

/** Causes of causes that are shown: an error may be its own. */
const maxCauses = 8

/** An error's words and where it came from; its cause as well, since that is where the reason stands. */
function describe(thrown: unknown, depth = 0): unknown {
  if (!(thrown instanceof Error)) return typeof thrown === 'string' ? thrown : inspect(thrown)
  return {
    type: thrown.name,
    message: thrown.message,
    stack: thrown.stack,
    ...(thrown.cause !== undefined && depth < maxCauses && { cause: describe(thrown.cause, depth + 1) }),
  }
}

/** JSON escapes the old control characters, but leaves those that turn text around or end a line in some viewers. */
function escaped(line: string): string {
  return line.replace(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, escapedUnits)
}

/** By its UTF-16 units, as JSON has it. */
function escapedUnits(char: string): string {
  return char
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}

/** A line for a person: time, level, what, then the fields. */
function pretty(line: string): string {
  const { time, level, msg, ...fields }: Record<string, unknown> = JSON.parse(line)
  const shown = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? quoted(value) : JSON.stringify(value)}`,
  )
  const head = `${String(time).slice(11, 23)} ${String(level).toUpperCase().padEnd(5)} ${msg}`
  return `${`${head} ${shown.join(' ')}`.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escapedUnits)}\n`
}

function quoted(value: string): string {
  return /^[\w./:@+-]+$/.test(value) ? value : JSON.stringify(value)
}
