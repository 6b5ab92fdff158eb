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
  /** Sends a command as an administrator would. */
  admin(command: string, ...args: readonly string[]): Promise<unknown>
  pause(): void
  resume(): void
  kill(): Promise<void>
  /** Starts it again, with its data if it was saved. */
  start(...more: readonly string[]): Promise<void>
}

let prefixes = 0

export async function startRedis(program = 'redis-server', ...options: readonly string[]): Promise<RealRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-redis-'))
  const socket = join(folder, 'redis.sock')
  const command = [program, '--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', ...options]
  let running = await spawnReady(command, socket)
  const signal = (name: NodeJS.Signals) => running.kill(name)
  const kill = async () => {
    running.kill('SIGKILL')
    await running.exited
  }
  return {
    socket,
    part: (more = {}) => ({ address: { path: socket }, database: 0, prefix: `t${++prefixes}:`, ...more }),
    admin: (name, ...args) => ask(socket, name, ...args),
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    kill,
    start: async (...more) => {
      running = await spawnReady([...command, ...more], socket)
    },
    async [Symbol.asyncDispose]() {
      await kill()
      rmSync(folder, { recursive: true })
    },
  }
}

async function spawnReady(command: readonly string[], socket: string) {
  rmSync(socket, { force: true })
  const running = Bun.spawn([...command], { stdout: 'pipe', stderr: 'ignore' })
  let said = ''
  for await (const bytes of running.stdout) {
    said += Buffer.from(bytes).toString()
    if (/server is now ready|Ready to accept connections/i.test(said)) return running
  }
  throw new Error(`The server ended: ${said}`)
}

async function ask(socket: string, name: string, ...args: readonly string[]): Promise<unknown> {
  const client = new Redis({ path: socket, retryStrategy: null, enableReadyCheck: false, protocol: 2 })
  client.on('error', () => undefined)
  try {
    return await client.call(name, ...args)
  } finally {
    client.disconnect()
  }
}
