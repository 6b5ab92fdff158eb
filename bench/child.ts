const startWithinMs = 10_000
const keptErrorCharacters = 2_000

type Subprocess = Bun.Subprocess<'ignore', 'pipe', 'pipe'>

/** A server in its own process, which prints its address on stdout. */
export class Child {
  readonly pid: number
  readonly port: number
  readonly #subprocess: Subprocess

  private constructor(subprocess: Subprocess, port: number) {
    this.#subprocess = subprocess
    this.pid = subprocess.pid
    this.port = port
  }

  /** @throws Error with the end of its stderr if it does not print `http://127.0.0.1:<port>` within 10 s */
  static async start(command: readonly string[], environment: Record<string, string>, cwd: string): Promise<Child> {
    const subprocess = Bun.spawn([...command], {
      env: { PATH: process.env.PATH ?? '', ...environment },
      cwd,
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    killAtExit(subprocess)
    const complaints = collect(subprocess.stderr)
    const found = Promise.withResolvers<number>()
    readPort(subprocess.stdout, found.resolve).catch(found.reject)
    const limit = setTimeout(() => subprocess.kill('SIGKILL'), startWithinMs)
    subprocess.exited.then(async () => {
      found.reject(new Error(`'${command.join(' ')}' ended without printing its address. ${await complaints}`))
    })
    const port = await found.promise.finally(() => clearTimeout(limit))
    return new Child(subprocess, port)
  }

  async stop(): Promise<void> {
    this.#subprocess.kill('SIGKILL')
    await this.#subprocess.exited
  }
}

function killAtExit(subprocess: Subprocess): void {
  const kill = (): void => subprocess.kill('SIGKILL')
  process.once('exit', kill)
  subprocess.exited.then(() => process.off('exit', kill))
}

async function readPort(output: ReadableStream<Uint8Array>, found: (port: number) => void): Promise<void> {
  const decoder = new TextDecoder()
  let printed = ''
  let port: string | undefined
  for await (const bytes of output) {
    if (port !== undefined) continue // keeps reading, because a full pipe would block the child
    printed += decoder.decode(bytes, { stream: true })
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
