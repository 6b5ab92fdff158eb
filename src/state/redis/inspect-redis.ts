import type { Runtime } from '../../flow/runtime.ts'
import { atMost } from '../../flow/wait.ts'
import { sealKey } from '../seal.ts'
import type { StateFindings } from '../state-place.ts'
import { isForbidden } from './describe-failure.ts'
import { namesOf } from './names.ts'
import type { RedisConfig } from './open-redis.ts'
import { RedisLink } from './redis-link.ts'

/** Milliseconds that Redis has to accept a connection. */
const connectMs = 2_000

/** Checks the server, also while other processes use it. It writes nothing. */
export async function inspectRedis(config: RedisConfig, runtime: Runtime): Promise<StateFindings> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const link = new RedisLink(config.server, runtime, { onReady: resolve, onFailure: resolve })
  try {
    await atMost(promise, connectMs, runtime.timers)
    const info = await askInfo(link)
    return { problems: await findProblems(link, config, info), notes: notesOn(config, info) }
  } catch {
    return { problems: [`STATE_URL: Redis ${link.failure ?? 'cannot be reached'}.`], notes: [] }
  } finally {
    await link.close()
  }
}

/** What the server says of itself; empty if the user may not ask. */
function askInfo(link: RedisLink): Promise<string> {
  return link.run((client) =>
    client.info().catch((thrown: unknown) => (isForbidden(thrown) ? '' : Promise.reject(thrown))),
  )
}

async function findProblems(
  link: RedisLink,
  { server, secret }: RedisConfig,
  info: string,
): Promise<readonly string[]> {
  if (/^role:slave/m.test(info)) return ['STATE_URL: Redis is a read-only replica. Name its master.']
  const names = namesOf(server)
  const isSealed = (await link.run((client) => client.exists(names.value(sealKey)))) > 0
  if (!secret && isSealed)
    return ['The state is encrypted, and there is no STATE_SECRET. Set the one that it was written with.']
  if (secret && !isSealed && (await link.run((client) => client.zcard(names.keys))) > 0)
    return [
      'The state was written without a STATE_SECRET, so it cannot be read with one. Unset it, or set another prefix in STATE_URL.',
    ]
  return []
}

/** @param info what `INFO` says; empty if the user may not ask */
function notesOn({ secret }: RedisConfig, info: string): readonly string[] {
  const [, policy = 'noeviction'] = /^maxmemory_policy:(\S+)/m.exec(info) ?? []
  return [
    ...(secret ? [] : ['There is no STATE_SECRET, so chats are kept in Redis unencrypted.']),
    ...(policy === 'noeviction'
      ? []
      : [
          `Redis deletes values when its memory is full (maxmemory-policy ${policy}), also renewed credentials. Set it to noeviction.`,
        ]),
    ...(/^aof_enabled:0/m.test(info)
      ? ['Redis loses its newest writes when it crashes (appendonly no), also renewed credentials. Set appendonly yes.']
      : []),
  ]
}
