import { ChatError } from '../chat/error.ts'
import { redact } from '../chat/secret.ts'
import type { Logger } from '../flow/call.ts'
import type { Runtime } from '../flow/runtime.ts'

type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** The program's log, whose level can change. */
export interface Log extends Logger {
  /** Sets the level of later lines, also of loggers that were made already. */
  setLevel(level: LogLevel): void
}

export interface LogOptions {
  readonly level: LogLevel
  readonly format: 'pretty' | 'json'
  /** The clock for the time of each line. */
  readonly runtime: Pick<Runtime, 'now'>
  /** Writes one whole line. */
  write(line: string): void
}

/**
 * Opens the program's log. A `Secret` is hidden by its type, in any field. Known secrets that an upstream or a
 * library has put into a text are cut out of the finished line.
 */
export function openLog(options: LogOptions): Log {
  const target = { ...options, least: levels[options.level] }
  const log = new FieldLogger(target, noFields)
  return Object.assign(log, {
    setLevel(level: LogLevel) {
      target.least = levels[level]
    },
  })
}

/** The rank of each level. A line is written if its rank is not below that of the log's level. */
const levels = { trace: 0, debug: 1, info: 2, warn: 3, error: 4, silent: 5 } as const

type Level = 'debug' | 'info' | 'warn' | 'error'

interface LogTarget extends LogOptions {
  least: number
}

const noFields = {}

/** A logger whose lines have these fields. */
class FieldLogger implements Logger {
  readonly #target: LogTarget
  readonly #fields: object

  constructor(target: LogTarget, fields: object) {
    this.#target = target
    this.#fields = fields
  }

  debug(fields: object, message: string): void {
    this.#log('debug', fields, message)
  }

  info(fields: object, message: string): void {
    this.#log('info', fields, message)
  }

  warn(fields: object, message: string): void {
    this.#log('warn', fields, message)
  }

  error(fields: object, message: string): void {
    this.#log('error', fields, message)
  }

  child(fields: object): Logger {
    return new FieldLogger(this.#target, this.#fields === noFields ? fields : { ...this.#fields, ...fields })
  }

  #log(level: Level, own: object, message: string): void {
    const { least } = this.#target
    if (levels[level] < least) return
    if (!('err' in own)) {
      this.#write(level, own, message)
      return
    }
    const { err, ...rest } = own
    if (level !== 'debug') this.#write(level, { ...rest, ...outline(err) }, message)
    if (least > levels.debug) return
    const inFull = level === 'debug' ? message : `${message}, in full`
    this.#write('debug', { ...rest, err: describe(err) }, inFull)
  }

  #write(level: Level, own: object, msg: string): void {
    const { format, runtime, write } = this.#target
    const time = new Date(runtime.now()).toISOString()
    const line = toJson({ level, time, ...this.#fields, ...own, msg })
    write(redact(format === 'json' ? `${escapeLine(line)}\n` : formatPretty(line)))
  }
}

/** A field that JSON cannot express, such as a circular object, becomes a text. */
function toJson(fields: object): string {
  try {
    return JSON.stringify(fields)
  } catch {
    return JSON.stringify(Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, asText(value)])))
  }
}

function asText(value: unknown): unknown {
  return typeof value === 'object' || typeof value === 'bigint' ? Bun.inspect(value) : value
}

/** How many frames of a stack are shown. */
const maxFrames = 12

/**
 * Describes an error without its message, which may be an upstream's: its code, its kind, and the stack of an
 * internal error.
 */
function outline(thrown: unknown): object {
  if (!(thrown instanceof ChatError))
    return { err: thrown instanceof Error ? { ...kindOf(thrown), at: framesOf(thrown) } : { type: typeof thrown } }
  const { ownCode: code, reason, upstreamStatus, cause } = thrown
  const status = upstreamStatus === undefined ? {} : { upstreamStatus }
  if (reason === 'internal') return { code, ...status, ...outline(cause) }
  return { code, ...status, ...(cause instanceof Error && !(cause instanceof ChatError) && { err: kindOf(cause) }) }
}

/** The error's name, and the system's code if it has one. */
function kindOf(error: Error): object {
  const code = 'code' in error ? error.code : undefined
  return {
    type: /^\w{1,60}$/.test(error.name) ? error.name : 'Error',
    ...(typeof code === 'string' && /^[A-Z0-9_]{2,60}$/.test(code) && { code }),
  }
}

/** The frames of a stack without the message before them, whose own lines may look like frames. */
function framesOf({ message, stack = '' }: Error): readonly string[] {
  const places = message.includes('\n') ? stack.slice(stack.lastIndexOf(message) + message.length) : stack
  return places
    .split('\n')
    .flatMap((line) => /^\s+at (.{1,300}:\d+:\d+\)?)$/.exec(line)?.[1] ?? [])
    .slice(0, maxFrames)
}

/** How many causes of causes are shown; an error may be its own cause. */
const maxCauses = 8

/** Describes an error with its message and stack, and its cause, which usually has the reason. */
function describe(thrown: unknown, depth = 0): unknown {
  if (!(thrown instanceof Error)) return typeof thrown === 'string' ? thrown : Bun.inspect(thrown)
  return {
    type: thrown.name,
    message: thrown.message,
    stack: thrown.stack,
    ...(thrown.cause !== undefined && depth < maxCauses && { cause: describe(thrown.cause, depth + 1) }),
  }
}

/** Escapes characters that JSON does not escape, but that reverse text or end a line in some viewers. */
function escapeLine(line: string): string {
  if (!/[^ -~]/.test(line)) return line
  return line.replace(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, escapeUnits)
}

/** Escapes each UTF-16 unit, as JSON does. */
function escapeUnits(char: string): string {
  return char
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}

/** Writes a line for people: time, level, message, then the fields. */
function formatPretty(line: string): string {
  const { time, level, msg, ...fields }: Record<string, unknown> = JSON.parse(line)
  const shown = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? quoteIfNeeded(value) : JSON.stringify(value)}`,
  )
  const head = `${String(time).slice(11, 23)} ${String(level).toUpperCase().padEnd(5)} ${msg}`
  return `${`${head} ${shown.join(' ')}`.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escapeUnits)}\n`
}

function quoteIfNeeded(value: string): string {
  return /^[\w./:@+-]+$/.test(value) ? value : JSON.stringify(value)
}
