import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { RawVariables } from '../../src/config/spelled-values.ts'
import { until } from '../waiting.ts'
import type { LogLine } from './gateway.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const collector = fileURLToPath(new URL('./collect-garbage.ts', import.meta.url))

/** The program in its own process, run from the source. */
export interface Child extends AsyncDisposable {
  readonly url: string
  readonly lines: readonly LogLine[]
  signal(name: 'SIGTERM' | 'SIGINT' | 'SIGSTOP' | 'SIGCONT' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2' | 'SIGPIPE'): void
  /** The exit code. */
  readonly exited: Promise<number>
  /** Resident memory in bytes, after a full collection. */
  settledRss(): Promise<number>
  /** Bytes that its objects take, after a full collection. */
  settledHeap(): Promise<number>
  rss(): number
}

/** Number of collections. The smallest result counts. */
const attempts = 3

export interface ChildOptions {
  /** Whether a test can collect garbage. The limit of fetches is then set from outside, because a restart would lose it. */
  readonly collects?: boolean
  /** The command line. */
  readonly args?: readonly string[]
}

/** Starts the program with only these variables. */
export async function startChild(
  variables: RawVariables,
  { collects = false, args = [] }: ChildOptions = {},
): Promise<Child> {
  const lines: (LogLine & { readonly url?: string; readonly heapSize?: number })[] = []
  const child = Bun.spawn([process.execPath, ...(collects ? ['--preload', collector] : []), main, ...args], {
    cwd: '/',
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      LOG_FORMAT: 'json',
      ...(collects && { BUN_CONFIG_MAX_HTTP_REQUESTS: '8192' }),
      ...variables,
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const read = readLines(child.stdout, (line) => void lines.push(JSON.parse(line)))
  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024
  const collections = () => lines.filter(({ msg }) => msg === 'collected')
  const collect = async () => {
    const before = collections().length
    child.kill('SIGWINCH')
    await until(() => collections().length > before, 60_000, 'the child has collected its garbage')
    return collections().at(-1)?.heapSize ?? 0
  }
  const leastOf = async (measure: () => number | Promise<number>) => {
    const sizes: number[] = []
    while (sizes.length < attempts) sizes.push(await measure())
    return Math.min(...sizes)
  }
  try {
    await until(() => lines.some(({ msg }) => msg === 'listening'), 60_000, 'the child listens')
  } catch (thrown) {
    // otherwise it would outlive the tests, and hold their output open
    child.kill('SIGKILL')
    throw thrown
  }
  return {
    url: lines.find(({ msg }) => msg === 'listening')?.url ?? '',
    lines,
    signal: (name) => child.kill(name),
    exited: child.exited,
    rss,
    settledRss: () =>
      leastOf(async () => {
        await collect()
        // freed memory returns to the system a moment after the collection
        await Bun.sleep(100)
        return rss()
      }),
    settledHeap: () => leastOf(collect),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await child.exited
      await read
    },
  }
}

async function readLines(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(line)
  }
}
