import { Connection } from './connection.ts'

const startWithinMs = 60_000
const retryMs = 2
const keptErrorCharacters = 2_000

type Subprocess = Bun.Subprocess<'ignore', 'pipe', 'pipe'>
type Environment = Readonly<Record<string, string>>

/** A server in its own process. What it prints is read and dropped, because a full pipe would block it. */
export class Child {
  readonly pid: number
  readonly port: number
  readonly #subprocess: Subprocess

  private constructor(subprocess: Subprocess, port: number) {
    this.#subprocess = subprocess
    this.pid = subprocess.pid
    this.port = port
  }

  /**
   * Starts a server that prints its address on stdout.
   * @throws Error with the end of its stderr if it does not print `http://127.0.0.1:<port>` within 60 s
   */
  static async start(command: readonly string[], environment: Environment, cwd: string): Promise<Child> {
    const subprocess = spawn(command, environment, cwd)
    const found = Promise.withResolvers<number>()
    readPort(subprocess.stdout, found.resolve).catch(found.reject)
    return new Child(subprocess, await withinLimit(subprocess, command, found))
  }

  /**
   * Starts a server that listens on the port in its variable `PORT`.
   * @throws Error with the end of its stderr if it does not listen within 60 s
   */
  static async startOnPort(command: readonly string[], environment: Environment, cwd: string): Promise<Child> {
    const port = freePort()
    const subprocess = spawn(command, { ...environment, PORT: String(port) }, cwd)
    readPort(subprocess.stdout, () => {}).catch(() => {})
    const found = Promise.withResolvers<number>()
    waitUntilListening(subprocess, port).then(() => found.resolve(port), found.reject)
    return new Child(subprocess, await withinLimit(subprocess, command, found))
  }

  async stop(): Promise<void> {
    this.#subprocess.kill('SIGKILL')
    await this.#subprocess.exited
  }
}

function spawn(command: readonly string[], environment: Environment, cwd: string): Subprocess {
  const subprocess = Bun.spawn([...command], {
    env: { PATH: process.env.PATH ?? '', ...environment },
    cwd,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const kill = (): void => subprocess.kill('SIGKILL')
  process.once('exit', kill)
  subprocess.exited.then(() => process.off('exit', kill))
  return subprocess
}

async function withinLimit(
  subprocess: Subprocess,
  command: readonly string[],
  found: PromiseWithResolvers<number>,
): Promise<number> {
  const complaints = collect(subprocess.stderr)
  const limit = setTimeout(() => subprocess.kill('SIGKILL'), startWithinMs)
  subprocess.exited.then(async () => {
    found.reject(new Error(`'${command.join(' ')}' ended before it listened. ${await complaints}`))
  })
  return found.promise.finally(() => clearTimeout(limit))
}

function freePort(): number {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => {} } })
  const { port } = listener
  listener.stop()
  return port
}

async function waitUntilListening(subprocess: Subprocess, port: number): Promise<void> {
  while (subprocess.exitCode === null) {
    const connection = await Connection.open(port).catch(() => undefined)
    if (connection) return connection.close()
    await Bun.sleep(retryMs)
  }
}

async function readPort(output: ReadableStream<Uint8Array>, found: (port: number) => void): Promise<void> {
  const decoder = new TextDecoder()
  let printed = ''
  let port: string | undefined
  for await (const bytes of output) {
    if (port !== undefined) continue
    printed = (printed + decoder.decode(bytes, { stream: true })).slice(-keptErrorCharacters)
    port = /http:\/\/127\.0\.0\.1:(\d+)(?=\D)/.exec(printed)?.[1]
    if (port !== undefined) found(Number(port))
  }
}

async function collect(output: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let kept = ''
  for await (const bytes of output) kept = (kept + decoder.decode(bytes, { stream: true })).slice(-keptErrorCharacters)
  return kept.trim()
}
