import { closeSync, lstatSync, openSync, readSync } from 'node:fs'
import type { Problem } from '../providers/provider.ts'
import { type FileVariable, type LineFinding, readEnvLines } from './env-lines.ts'

/** A file of `NAME=value` lines, parsed. */
export interface EnvFile {
  /** The path as the operator wrote it. */
  readonly path: string
  readonly variables: readonly FileVariable[]
  readonly warnings: readonly string[]
}

const maxBytes = 1024 * 1024
/** Limit for the problems that are reported: in a file of another kind every line is a problem. */
const maxReported = 10

/**
 * Reads `./.env`, or the file that is named. No message contains text of the file.
 * @returns the file, its problems, or undefined if no file is named and there is no `./.env`
 */
export function readEnvFile(named: string | undefined): EnvFile | readonly Problem[] | undefined {
  const path = named ?? '.env'
  const fileProblem = (problem: string, remedy: string): readonly Problem[] => [
    { variable: named === undefined ? '.env' : '--env-file', problem, remedy },
  ]
  if (named === undefined && !isThere(path)) return undefined
  const bytes = readBounded(path)
  if (typeof bytes === 'string') return fileProblem(bytes, 'check the path')
  if (bytes.length > maxBytes) return fileProblem('names a file of more than 1 MiB', 'check the path')
  const text = decode(bytes)
  if (typeof text !== 'string') return [toProblem(path, text)]
  const { variables, problems, doubts } = readEnvLines(text)
  if (problems.length > 0) return toProblems(path, problems)
  return { path, variables, warnings: doubts.map((doubt) => `${sentence(path, doubt)}.`) }
}

/** Whether the path exists. A link to a missing file counts, so that it is reported. */
function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

const failures: Readonly<Record<string, string>> = {
  ENOENT: 'names a file that does not exist',
  ENOTDIR: 'names a file that does not exist',
  EISDIR: 'names a folder, not a file',
  EACCES: 'names a file that this user may not read',
  EPERM: 'names a file that this user may not read',
  ELOOP: 'names a link that leads to itself',
}

/**
 * Reads at most one byte more than the limit, because a device has no end and a pipe has no size.
 * @returns the bytes, or the problem
 */
function readBounded(path: string): Buffer | string {
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, 'r')
    const bytes = Buffer.alloc(maxBytes + 1)
    let length = 0
    for (let count = 1; count > 0 && length < bytes.length; length += count)
      count = readSync(descriptor, bytes, length, bytes.length - length, null)
    return bytes.subarray(0, length)
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'no code'
    return failures[code] ?? `names a file that cannot be read (${code})`
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

const saveAsUtf8 = 'save it as plain text in UTF-8'

/** The file's text, or the line that is not text. */
function decode(bytes: Buffer): string | LineFinding {
  const isUtf16 = /^(\xff\xfe|\xfe\xff)/.test(bytes.toString('latin1', 0, 2)) || hasZeroAtEachOther(bytes)
  if (isUtf16) return { line: 1, problem: 'begins a text in UTF-16', remedy: saveAsUtf8 }
  const lines = bytes.toString('latin1').split('\n')
  const at = lines.findIndex((line) => !isText(line))
  if (at < 0) return bytes.toString('utf8')
  return { line: at + 1, problem: 'has bytes that are not UTF-8 text', remedy: saveAsUtf8 }
}

/** Whether every other byte is zero, as in UTF-16 text of plain letters, in either byte order. */
function hasZeroAtEachOther(bytes: Buffer): boolean {
  const begin = bytes.subarray(0, 64)
  const zeros = (side: number) => begin.filter((byte, at) => at % 2 === side && byte === 0).length
  return begin.length >= 4 && Math.max(zeros(0), zeros(1)) > begin.length / 4 && Math.min(zeros(0), zeros(1)) === 0
}

/** Whether a line's bytes are UTF-8 without control characters. */
function isText(latin1: string): boolean {
  try {
    return !/[^\P{Cc}\t\v\f\r]/u.test(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(latin1, 'latin1')))
  } catch {
    return false
  }
}

function toProblems(path: string, problems: readonly LineFinding[]): readonly Problem[] {
  const first = problems.slice(0, maxReported).map((problem) => toProblem(path, problem))
  const rest = problems.length - first.length
  if (rest === 0) return first
  return [...first, { variable: path, problem: `has ${rest} more lines that cannot be read`, remedy: 'check the path' }]
}

function toProblem(path: string, { line, problem, remedy }: LineFinding): Problem {
  return { variable: `${path} line ${line}`, problem, remedy }
}

function sentence(path: string, finding: LineFinding): string {
  return `${path} line ${finding.line} ${finding.problem}: ${finding.remedy}`
}
