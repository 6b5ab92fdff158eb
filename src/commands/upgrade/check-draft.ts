import type { Timers } from '../../flow/timers.ts'
import { atMost } from '../../flow/wait.ts'
import type { ExecutableFile } from './executable-file.ts'

/** Milliseconds for a file to print its version. */
const versionMs = 10_000
/** Another program may print without end. */
const maxVersionBytes = 200

type CheckedDraft =
  | { readonly isRight: true; readonly version: string }
  | { readonly isRight: false; readonly why: string }

interface DraftOptions {
  readonly source: string
  /** The SHA-256 sum that it must have. */
  readonly expected: string
  readonly timers: Timers
}

/** Copies a file beside the executable, and checks the copy: its sum, and whether it runs on this machine. */
export async function checkDraft(
  file: ExecutableFile,
  { source, expected, timers }: DraftOptions,
): Promise<CheckedDraft> {
  const sum = await file.draft(source)
  if (sum !== expected)
    return {
      isRight: false,
      why: `${source} has the SHA-256 sum ${sum}, but ${expected} was expected: it is damaged or another file.`,
    }
  const version = await versionOf(file.draftPath, timers)
  return version === undefined
    ? {
        isRight: false,
        why: `${source} does not run on this machine, or it is another program: it prints no version. Choose the file for its system and processor.`,
      }
    : { isRight: true, version }
}

/** The version that an executable prints; undefined if it prints none. */
async function versionOf(path: string, timers: Timers): Promise<string | undefined> {
  try {
    const child = Bun.spawn([path, 'version'], {
      ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'ignore' },
      ...{ timeout: versionMs, killSignal: 'SIGKILL' },
    })
    const text = await readLine(child.stdout, timers)
    if (text === undefined) child.kill('SIGKILL')
    return text !== undefined && (await child.exited) === 0 && /^\d+\.\d+\.\d+\S*$/.test(text) ? text : undefined
  } catch {
    // the system cannot run it
    return undefined
  }
}

/** Reads one line, and not on: what the program has started may keep its output open. @returns undefined if it is too long */
async function readLine(output: ReadableStream<Uint8Array>, timers: Timers): Promise<string | undefined> {
  let text = ''
  const reader = output.getReader()
  while (!text.includes('\n')) {
    const read = await atMost(reader.read(), versionMs, timers)
    if (!read || read.done) break
    text += Buffer.from(read.value).toString()
    if (text.length > maxVersionBytes) return undefined
  }
  return text.trim()
}
