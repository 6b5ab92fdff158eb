import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RealRedis, startRedis } from '../../src/state/redis/real-redis.double.ts'
import { until } from '../waiting.ts'
import { type Running, start, type Variables } from './program.ts'

/** What a test needs of this machine. */
export const hasServers = ['nginx', 'redis-server'].every((name) => Bun.which(name) !== null)

/** Replicas of the executable that share a real Redis, behind a real nginx. */
export interface Replicas extends AsyncDisposable {
  readonly redis: RealRedis
  /** The prefix of their keys in Redis. */
  readonly prefix: string
  readonly running: readonly Running[]
  /** The socket of nginx. */
  readonly socket: string
}

export async function startReplicas(count: number, variables: Variables): Promise<Replicas> {
  await using stack = new AsyncDisposableStack()
  const redis = stack.use(await startRedis())
  const { prefix } = redis.part()
  const shared = { ...variables, STATE_URL: `redis+unix://${redis.socket}?prefix=${prefix}` }
  const running = await Promise.all(Array.from({ length: count }, () => start(shared)))
  for (const replica of running) stack.use(replica)
  const nginx = stack.use(await startNginx(running.map(({ url }) => new URL(url).host)))
  const all = stack.move()
  return { redis, prefix, running, socket: nginx.socket, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

/** The configuration that the documents recommend, with these servers. Replies name their server in `x-replica`. */
async function siteFor(servers: readonly string[], socket: string): Promise<string> {
  const guide = await Bun.file(join(import.meta.dir, '../../docs/scaling.md')).text()
  const [, site = ''] = /```nginx\n([\s\S]*?)```/.exec(guide) ?? []
  const [first = ''] = /^ *server \S+.*;$/m.exec(site) ?? []
  return site
    .replaceAll(/^ *server \S+.*;\n/gm, '')
    .replace(/least_conn;/, ['least_conn;', ...servers.map((server) => first.replace(/\S+:\d+/, server))].join('\n'))
    .replace('listen 80;', `listen unix:${socket};\n  add_header x-replica $upstream_addr always;`)
}

async function startNginx(servers: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-nginx-'))
  const socket = join(folder, 'nginx.sock')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder};`)
  const settings = [
    'daemon off; master_process off; pid nginx.pid; error_log error.log;',
    'events { worker_connections 4096; }',
    `http { access_log off; ${temporary.join(' ')}\n${await siteFor(servers, socket)} }`,
  ]
  mkdirSync(join(folder, 'logs'))
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, settings.join('\n'))
  const nginx = Bun.spawn(['nginx', '-p', folder, '-e', 'error.log', '-c', file], { stdout: 'ignore', stderr: 'pipe' })
  await until(() => existsSync(socket) || nginx.exitCode !== null, 20_000, 'nginx listens')
  if (nginx.exitCode !== null) throw new Error(await nginx.stderr.text())
  return {
    socket,
    async [Symbol.asyncDispose]() {
      nginx.kill('SIGKILL')
      await nginx.exited
      rmSync(folder, { recursive: true })
    },
  }
}

export interface Asking {
  readonly path?: string
  readonly key: string
  readonly body: object
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer through nginx as its bytes come. Bun's `fetch` has too few connections for 300 streams. */
export class Answer {
  #text = ''
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>

  constructor(socket: string, { path = '/v1/chat/completions', key, body, headers = {} }: Asking) {
    const text = JSON.stringify(body)
    const all = {
      host: 'gateway.example',
      connection: 'close',
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(text)),
      ...headers,
    }
    const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
    const connection = connect({ path: socket })
    connection.setEncoding('utf8')
    connection.on('data', (piece) => {
      this.#text += piece
    })
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    connection.on('error', () => resolve())
    connection.on('close', () => resolve())
    connection.write(`POST ${path} HTTP/1.1\r\n${head.join('')}\r\n${text}`)
  }

  get text(): string {
    return this.#text
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.#text)?.[1])
  }

  /** The address of the replica that answers. */
  get replica(): string | undefined {
    return /^x-replica: .*?(\S+)\r$/im.exec(this.#text)?.[1]
  }

  /** Whether it looks complete to a client: the body has its end, and the stream its last event. */
  get isWhole(): boolean {
    return this.#text.endsWith('\r\n0\r\n\r\n') && /\[DONE\]|"type":"done"/.test(this.#text)
  }

  /** Whether the body has its end in HTTP. */
  get hasEnd(): boolean {
    return this.#text.endsWith('\r\n0\r\n\r\n')
  }
}
