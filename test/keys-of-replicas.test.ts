import { expect, test } from 'bun:test'
import { type App, openApp } from '../src/app.ts'
import { readConfig } from '../src/config/config.ts'
import { installedServers, startRedis } from '../src/state/redis/real-redis.double.ts'
import { openLog } from '../src/telemetry/log.ts'
import { machine } from '../src/wire/machine.double.ts'
import { key as master } from './attacks/rig.ts'

/** Opens a gateway whose state is in this Redis. */
async function openReplica(socket: string): Promise<App & AsyncDisposable> {
  const variables = { HOST: '127.0.0.1', PORT: '0', API_MASTER_KEY: master, SHUTDOWN_GRACE: '1' }
  const config = readConfig({ ...variables, STATE_URL: `redis+unix:${socket}`, LOG_LEVEL: 'silent' }, false)
  if ('problems' in config) throw new Error(JSON.stringify(config.problems))
  const log = openLog({ runtime: machine, level: 'silent', format: 'json', write: () => undefined })
  const app = openApp(config, log, await config.state.open(machine), { runtime: machine })
  return Object.assign(app, { [Symbol.asyncDispose]: () => app.close() })
}

const headersFor = (key: string) => ({ authorization: `Bearer ${key}`, 'content-type': 'application/json' })

async function statusOf({ url }: App, key: string): Promise<number> {
  const body = JSON.stringify({ model: 'demo/echo', messages: [{ role: 'user', content: 'hi' }] })
  const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers: headersFor(key), body })
  await response.arrayBuffer()
  return response.status
}

const needs = installedServers.length === 0 ? test.skip : test

needs(
  'P19: three replicas share keys and limits, and keep to the limits alone while Redis is away',
  async () => {
    await using redis = await startRedis(installedServers[0])
    await using one = await openReplica(redis.socket)
    await using two = await openReplica(redis.socket)
    await using three = await openReplica(redis.socket)
    const replicas = [one, two, three]
    const askAll = async (count: number, key: string) => {
      const asked = Array.from({ length: count }, (_, at) => statusOf(replicas[at % 3] ?? one, key))
      return (await Promise.all(asked)).filter((status) => status === 200).length
    }
    const body = JSON.stringify({ name: 'phone', rpm: 60 })
    const made = await fetch(`${one.url}/admin/keys`, { method: 'POST', headers: headersFor(master), body })
    const { key }: { key: string } = JSON.parse(await made.text())
    // the notice of the new key is on its way to the others
    for (const replica of replicas)
      while ((await fetch(`${replica.url}/v1/models`, { headers: headersFor(key) })).status !== 200);
    const answered = await askAll(1_000, key)
    expect(answered).toBeWithin(60 - 2 * 3, 60 + 1)
    await redis.kill()
    // each replica may answer up to its own limit of 60
    expect(answered + (await askAll(300, key))).toBeWithin(60, 3 * 60 + 1)
    for (const replica of replicas) expect(await statusOf(replica, 'sk-wrong')).toBe(403)
  },
  60_000,
)
