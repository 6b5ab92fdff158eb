import { resolve } from 'node:path'
import type { Environment } from './environment.ts'

/** What is written down of requests, and where. */
export interface LogSettings {
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'
  readonly logFormat: 'pretty' | 'json'
  /** The file of the log; without it the lines go to the standard output. */
  readonly logFile?: LogFileSettings
  /** Whether each line of the log names the one before. */
  readonly isLogChained: boolean
  /** Whether the texts of requests and answers are kept in memory. */
  readonly recordsPrompts: boolean
  /** Whether the receipt has hashes of what upstreams are asked and answer. */
  readonly hashesReceipts: boolean
}

interface LogFileSettings {
  readonly path: string
  readonly maxBytes: number
  readonly maxAgeMs: number
  readonly keepFiles: number
  readonly keepMs: number
  /** Whether several processes write to it. */
  readonly isShared: boolean
}

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
/** The names that other programs use for log levels. */
const otherLevels = {
  verbose: 'trace',
  information: 'info',
  notice: 'info',
  warning: 'warn',
  err: 'error',
  critical: 'error',
  fatal: 'error',
  none: 'silent',
  off: 'silent',
} as const

const dayMs = 86_400_000

interface LogSurroundings {
  readonly isTerminal: boolean
  readonly workers: number
}

export function readLog(environment: Environment, { isTerminal, workers }: LogSurroundings): LogSettings {
  const logFile = readLogFile(environment, workers > 1)
  const isLogChained = environment.flag('LOG_CHAIN')
  const isForPeople = isTerminal && !logFile && !isLogChained
  const format = environment.choice('LOG_FORMAT', ['pretty', 'json'])
  if (isLogChained && format === 'pretty')
    environment.report({
      variable: 'LOG_CHAIN',
      problem: 'needs lines of JSON, but LOG_FORMAT is pretty',
      remedy: 'set LOG_FORMAT=json, or leave it out',
    })
  return {
    logLevel: environment.choice('LOG_LEVEL', levels, otherLevels) ?? 'info',
    logFormat: format ?? (isForPeople ? 'pretty' : 'json'),
    ...(logFile && { logFile }),
    isLogChained,
    recordsPrompts: environment.flag('RECORD_PROMPTS'),
    hashesReceipts: environment.flag('RECEIPT_HASHES'),
  }
}

function readLogFile(environment: Environment, isShared: boolean): LogFileSettings | undefined {
  const path = environment.text('LOG_FILE')
  const limits = {
    maxBytes: environment.integer('LOG_MAX_BYTES', { fallback: 10 * 1024 ** 2, min: 64 * 1024, max: 1024 ** 4 }),
    keepMs: environment.integer('LOG_RETENTION_DAYS', { fallback: 7, min: 1, max: 3_650 }) * dayMs,
    keepFiles: environment.integer('LOG_MAX_FILES', { fallback: 100, min: 1, max: 100_000 }),
  }
  // each file has one day, so that days can be removed one by one
  return path === undefined ? undefined : { path: resolve(path), maxAgeMs: dayMs, isShared, ...limits }
}
