import { sleep } from '../lab/waiting.ts'

/** A program that a recipe has started. */
export interface Program {
  readonly pid: number
  stop(): Promise<void>
}

interface ProgramOptions {
  readonly command: readonly string[]
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>
  /** An address that is answered as soon as the program is ready. */
  readonly readyUrl: string
}

const startMs = 120_000
const stopMs = 5_000

/** Starts a server and waits until it answers. @throws Error with the end of what it printed, if it does not */
export async function startProgram({ command, folder, environment, readyUrl }: ProgramOptions): Promise<Program> {
  const child = Bun.spawn([...command], {
    ...{ cwd: folder, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
    env: { PATH: process.env.PATH ?? '', HOME: folder, ...environment },
  })
  let said = ''
  for (const pipe of [child.stdout, child.stderr])
    void readAll(pipe, (text) => {
      said = (said + text).slice(-4_000)
    })
  const end = performance.now() + startMs
  while (!(await isAnswered(readyUrl))) {
    const hasEnded = child.exitCode !== null
    if (hasEnded || performance.now() > end) {
      child.kill('SIGKILL')
      throw new Error(`${command[0]} did not start:\n${said}`)
    }
    await sleep(25)
  }
  return {
    pid: child.pid,
    async stop() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), stopMs)
      await child.exited
      clearTimeout(timer)
    },
  }
}

async function isAnswered(url: string): Promise<boolean> {
  return await fetch(url).then(
    () => true,
    () => false,
  )
}

async function readAll(pipe: ReadableStream<Uint8Array>, use: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  for await (const bytes of pipe) use(decoder.decode(bytes, { stream: true }))
}
