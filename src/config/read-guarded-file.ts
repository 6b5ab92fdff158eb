import { readFileSync, statSync } from 'node:fs'

/** Reports a problem of a variable, and what is right. */
export type ReportProblem = (problem: string, remedy: string) => void

interface GuardedFile {
  readonly maxMib: number
  /** What is reported if it cannot be read. */
  readonly unreadable: readonly [problem: string, remedy: string]
}

/** Reads a file, unless other users can write it: what it says is done as this user. */
export function readGuardedFile(
  path: string,
  { maxMib, unreadable }: GuardedFile,
  report: ReportProblem,
): string | undefined {
  try {
    const file = statSync(path)
    const { mode, size } = file
    // a pipe would be read once, and a reload would wait for it for ever
    if (!file.isFile()) report('does not name a file', 'a folder, a pipe or a device cannot be read again')
    else if (process.platform !== 'win32' && (mode & 0o022) !== 0)
      report('names a file that other users can write', 'chmod go-w the file')
    else if (size > maxMib * 1024 * 1024) report(`names a file of more than ${maxMib} MiB`, 'check the path')
    else return readFileSync(path, 'utf8')
  } catch {
    report(...unreadable)
  }
  return undefined
}
