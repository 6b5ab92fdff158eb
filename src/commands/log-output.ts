import { accessSync, constants, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Config } from '../config/config.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { LineSink } from '../telemetry/line-writer.ts'
import { linkedPath } from '../telemetry/rotated-files.ts'

/** Where the lines of the log go. */
export interface LogOutput extends LineSink {
  /** Opens the file again, if it is one, because another program may have moved it. */
  reopen?(): void
}

/**
 * Opens the file of `LOG_FILE`.
 * @param otherwise the output without that setting
 * @returns a sentence about the problem if it cannot be opened
 */
export async function openLogOutput(
  { logFile }: Pick<Config, 'logFile'>,
  runtime: Runtime,
  otherwise: LogOutput,
): Promise<LogOutput | string> {
  if (!logFile) return otherwise
  const problem = findLogFileProblem(logFile.path)
  if (problem !== undefined) return problem
  const { LogFile } = await import('../telemetry/log-file.ts')
  const failure = (thrown: unknown) => `LOG_FILE ${logFile.path} cannot be written (${codeOf(thrown)})`
  // the log itself cannot say it
  const onProblem = (thrown: unknown) =>
    process.stderr.write(`${failure(thrown)}: its lines wait, and are dropped when they are too many.\n`)
  try {
    return new LogFile({ ...logFile, runtime, onProblem })
  } catch (thrown) {
    return `${failure(thrown)}. If it is a link, look where it leads, or name another file`
  }
}

/** Why no log can be written there; undefined if one can. It changes nothing. */
export function findLogFileProblem(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found && !found.isFile())
    return `LOG_FILE ${path} is no file: name a file, or leave LOG_FILE out for the standard output`
  const folder = dirname(linkedPath(path))
  if (!found && !statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    return `LOG_FILE ${path} cannot be written: there is no folder ${folder}. Make it, or name another file`
  // to rotate, the folder must be writable too
  const refused = [...(found ? [path] : []), folder].find((place) => !isWritable(place))
  if (refused === undefined) return undefined
  return `LOG_FILE ${path} cannot be written: this user may not write to ${refused}. Change its permissions, or name another file`
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'no code'
}
