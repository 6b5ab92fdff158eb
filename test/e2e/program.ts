import { existsSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until, within } from '../waiting.ts'

/** The command of the executable. With `TRIBUTARY_E2E_TARGET=source` it is the program in the checkout. */
const root = join(import.meta.dir, '../..')
const lock = join(root, 'node_modules/.building')
export const executable = join(root, 'dist/tributary')
export const isSource = process.env.TRIBUTARY_E2E_TARGET === 'source'
export const command = isSource ? [process.execPath, join(root, 'src/main.ts')] : [executable]

/** Builds the executable if there is none, or an older one than the source. */
export async function build(): Promise<void> {
  if (isSource || isFresh()) return
  // test files run at the same time, and only one of them builds
  const isBuilder = await mkdir(lock).then(
    () => true,
    () => false,
  )
  try {
    if (isBuilder) await buildNow()
    else
      await until(
        () => !existsSync(lock),
        patienceMs,
        `${lock} is gone: it stays only where a test that built was killed`,
      )
  } finally {
    if (isBuilder) await rmdir(lock)
  }
}

async function buildNow(): Promise<void> {
  const builder = Bun.spawn([process.execPath, 'run', 'build'], { cwd: root, stdout: 'pipe', stderr: 'pipe' })
  const [, said] = await Promise.all([builder.stdout.text(), builder.stderr.text()])
  if ((await builder.exited) !== 0) throw new Error(`the build failed: ${said}`)
}

function isFresh(): boolean {
  if (!existsSync(executable)) return false
  const builtAt = statSync(executable).mtimeMs
  const sources = [...new Bun.Glob('src/**/*.{ts,tsx,css,txt}').scanSync({ cwd: root })].filter(
    (path) => !path.endsWith('.test.ts'),
  )
  return ['package.json', 'bun.lock', ...sources].every((path) => statSync(join(root, path)).mtimeMs < builtAt)
}

/** Milliseconds after which a wait for a program is a hang. */
const patienceMs = 60_000

export type Variables = Readonly<Record<string, string>>

interface SpawnOptions {
  /** The working folder. The default is a new empty folder. */
  readonly cwd?: string
  readonly variables?: Variables
  /** What it reads from its input; nothing by default. */
  readonly input?: string | undefined
}

/** Makes an empty folder that is removed at the end of its use. */
export async function emptyFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'tributary-e2e-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** The variables of this process's environment that a program needs to start. */
function spawn(args: readonly string[], { cwd, variables, maxDescriptors, input }: Spawned) {
  const limited = maxDescriptors === undefined ? [] : ['sh', '-c', `ulimit -n ${maxDescriptors} && exec "$@"`, 'sh']
  return Bun.spawn([...limited, ...command, ...args], {
    cwd,
    env: { PATH: process.env.PATH ?? '', HOME: cwd, ...variables },
    stdin: input === undefined ? 'ignore' : Buffer.from(input),
    stdout: 'pipe',
    stderr: 'pipe',
  })
}

interface Spawned extends SpawnOptions {
  readonly cwd: string
  readonly variables: Variables
  readonly maxDescriptors?: number | undefined
}

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command to its end. */
export async function run(
  args: readonly string[],
  { cwd, variables = {}, input }: SpawnOptions = {},
): Promise<Outcome> {
  await using folder = await emptyFolder()
  const child = spawn(args, { cwd: cwd ?? folder.path, variables, input })
  const ended = Promise.all([child.exited, child.stdout.text(), child.stderr.text()])
  try {
    const [code, stdout, stderr] = await within(ended, patienceMs, `the end of ${args.join(' ')}`)
    return { code, stdout, stderr }
  } finally {
    child.kill('SIGKILL')
  }
}

export interface Running extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  /** Everything that it has printed. */
  readonly output: () => string
  /** Sends a signal; resolves to the exit code. */
  stop(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<number>
}

/** Starts the server on a free port of loopback, and waits until it prints its address. */
export async function start(
  variables: Variables = {},
  { cwd, args = [], maxDescriptors }: { cwd?: string; args?: string[]; maxDescriptors?: number } = {},
): Promise<Running> {
  const folder = await emptyFolder()
  const child = spawn(args, {
    cwd: cwd ?? folder.path,
    variables: { HOST: '127.0.0.1', PORT: '0', ...variables },
    maxDescriptors,
  })
  const stop: Running['stop'] = (signal) => {
    child.kill(signal)
    return within(child.exited, patienceMs, `the end after ${signal}`)
  }
  const printed = collect(child.stdout)
  const complaints = collect(child.stderr)
  try {
    const url = await within(
      Promise.race([printed.address, child.exited.then(() => undefined)]),
      patienceMs,
      'the address',
    )
    if (url === undefined) throw new Error(`it ended: ${printed.text()}${complaints.text()}`)
    return {
      url,
      pid: child.pid,
      output: () => printed.text() + complaints.text(),
      stop,
      async [Symbol.asyncDispose]() {
        await stop('SIGKILL')
        await folder[Symbol.asyncDispose]()
      },
    }
  } catch (thrown) {
    child.kill('SIGKILL')
    throw thrown
  }
}

/** Collects the output of a child. `address` resolves to the first address in it. */
function collect(stream: ReadableStream<Uint8Array>) {
  const address = Promise.withResolvers<string>()
  let text = ''
  const reading = async () => {
    const decoder = new TextDecoder()
    for await (const bytes of stream) {
      text += decoder.decode(bytes, { stream: true })
      const found = /listen.*\n/.exec(text) && /http:\/\/[\w.:[\]]+:\d+/.exec(text)
      if (found) address.resolve(found[0])
    }
  }
  void reading()
  return { address: address.promise, text: () => text }
}
