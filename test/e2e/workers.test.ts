/** WORKERS: several processes on one port, started and stopped by their parent. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { startRedis } from '../../src/state/redis/real-redis.double.ts'
import { until, within } from '../waiting.ts'
import { build, type Running, run, start } from './program.ts'

beforeAll(build)

const patienceMs = 30_000

/** A port that is free now. The parent needs a fixed one. */
function freePort(): string {
  const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() })
  const { port } = server
  void server.stop(true)
  return String(port)
}

function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

const ask = async ({ url }: Running): Promise<number> => {
  const headers = { 'content-type': 'application/json', connection: 'close' }
  const body = JSON.stringify({ model: 'demo/echo', messages: [{ role: 'user', content: 'Hello' }] })
  const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body })
  await response.text()
  return response.status
}

/** The workers whose metrics are shown, whichever was asked, and the requests that they have counted together. */
async function countedBy({ url }: Running) {
  const response = await fetch(`${url}/metrics`, { headers: { connection: 'close' } })
  const lines = (await response.text()).split('\n')
  const workersOf = (name: string) =>
    lines.flatMap((line) => (line.startsWith(`${name}{`) ? (/worker="(\d)"/.exec(line)?.[1] ?? []) : []))
  const counts = lines.flatMap((line) => /^tributary_requests_total\{.*\} (\d+)$/.exec(line)?.[1] ?? [])
  return {
    workers: workersOf('tributary_running_calls').toSorted(),
    requests: counts.reduce((sum, count) => sum + Number(count), 0),
  }
}

describe.skipIf(!process.env.CI && (process.platform !== 'linux' || !Bun.which('redis-server')))('WORKERS=2', () => {
  const startTwo = async (socket: string) => {
    const gateway = await start({ WORKERS: '2', PORT: freePort(), STATE_URL: `redis+unix://${socket}` })
    return { gateway, workers: childrenOf(gateway.pid) }
  }

  test('serves with two processes, starts one again that was killed, and stops both', async () => {
    await using redis = await startRedis()
    const { gateway, workers } = await startTwo(redis.socket)
    await using _ = gateway
    expect(workers).toHaveLength(2)
    expect(gateway.output().match(/listen/g)).toHaveLength(1)
    const statuses = await Promise.all(Array.from({ length: 40 }, () => ask(gateway)))
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(await countedBy(gateway)).toEqual({ workers: ['1', '2'], requests: 40 })
    process.kill(workers[0] ?? 0, 'SIGKILL')
    await until(() => gateway.output().includes('a worker listens again'), patienceMs, 'another worker')
    expect(await ask(gateway)).toBe(200)
    // the number of the one that was killed is taken again, and its counts begin anew
    expect((await countedBy(gateway)).workers).toEqual(['1', '2'])
    const now = childrenOf(gateway.pid)
    expect(now).toHaveLength(2)
    // a service manager sends its signal to all processes
    for (const pid of now) process.kill(pid, 'SIGTERM')
    expect(await gateway.stop('SIGTERM')).toBe(0)
    expect(now.filter(isRunning)).toEqual([])
  })

  test('a reload that one of them is asked for is done by both', async () => {
    await using redis = await startRedis()
    const { gateway } = await startTwo(redis.socket)
    await using _ = gateway
    const response = await fetch(`${gateway.url}/admin/reload`, { method: 'POST' })
    expect(await response.json()).toEqual({ changed: [], at_next_start: [], problems: [] })
    const reloads = () => gateway.output().match(/were read again/g)?.length ?? 0
    await until(() => reloads() >= 2, patienceMs, 'both have read it')
    expect(await gateway.stop('SIGTERM')).toBe(0)
    expect(reloads()).toBe(2)
  })

  test('a second program is refused its port, and workers end with a parent that was killed', async () => {
    await using redis = await startRedis()
    const { gateway, workers } = await startTwo(redis.socket)
    await using _ = gateway
    const variables = { WORKERS: '2', PORT: new URL(gateway.url).port, STATE_URL: `redis+unix://${redis.socket}` }
    const second = await run(['serve'], { variables })
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining('another program uses this port')])
    await gateway.stop('SIGKILL')
    await until(() => !workers.some(isRunning), patienceMs, 'the end of the workers')
  })

  test('a state that cannot be opened ends all of them', async () => {
    const variables = { WORKERS: '2', PORT: freePort(), STATE_URL: 'redis+unix:///nowhere.sock' }
    const { code, stderr } = await within(run(['serve'], { variables }), patienceMs, 'its end')
    expect([code, stderr]).toEqual([78, expect.stringContaining('The state cannot be opened')])
  })
})

test('WORKERS needs a shared state and a fixed port', async () => {
  const { code, stderr } = await run(['serve'], { variables: { WORKERS: '2', PORT: '0' } })
  expect(code).toBe(78)
  expect(stderr).toContain('WORKERS needs a state that several processes can share: set STATE_URL=redis://')
  expect(stderr).toContain('WORKERS needs a fixed port: set PORT')
})
