import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { RedisServer } from './redis-server.ts'

/** The servers that are installed here, of those that the state is tested with. */
export const installedServers = ['redis-server', 'valkey-server'].filter((name) => Bun.which(name) !== null)

/** A real server, in a folder of its own, behind a Unix socket. */
export interface RealRedis extends AsyncDisposable {
  readonly socket: string
  /** A part of the server for one test. */
  part(more?: Partial<RedisServer>): RedisServer
  /** Sends a command over a connection that the administrator has had since before the fault. */
  admin(command: string, ...args: readonly string[]): Promise<unknown>
  pause(): void
  resume(): void
  kill(): Promise<void>
  /** Starts it again, with its data if it was saved. @param until what it writes when it has started */
  start(options?: readonly string[], until?: RegExp): Promise<void>
}

let parts = 0
const readyLine = /Ready to accept connections/i

export async function startRedis(program = 'redis-server', ...options: readonly string[]): Promise<RealRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-redis-'))
  const socket = join(folder, 'redis.sock')
  const command = [program, '--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', ...options]
  const start = (more: readonly string[] = [], until = readyLine) => spawnUntil([...command, ...more], socket, until)
  let running = await start()
  const administrator = new Redis({ path: socket, enableReadyCheck: false, protocol: 2, disableClientInfo: true })
  administrator.on('error', () => undefined)
  const kill = async () => {
    running.kill('SIGKILL')
    await running.exited
  }
  return {
    socket,
    part: (more = {}) => ({ address: { path: socket }, database: 0, prefix: `t${++parts}:`, ...more }),
    admin: (name, ...args) => administrator.call(name, ...args),
    pause: () => running.kill('SIGSTOP'),
    resume: () => running.kill('SIGCONT'),
    kill,
    async start(more, until) {
      running = await start(more, until)
    },
    async [Symbol.asyncDispose]() {
      administrator.disconnect()
      await kill()
      rmSync(folder, { recursive: true })
    },
  }
}

async function spawnUntil(command: readonly string[], socket: string, until: RegExp) {
  rmSync(socket, { force: true })
  const running = Bun.spawn([...command], { stdout: 'pipe', stderr: 'ignore' })
  let said = ''
  for await (const bytes of running.stdout) {
    said += Buffer.from(bytes).toString()
    if (until.test(said)) return running
  }
  throw new Error(`The server ended: ${said}`)
}
