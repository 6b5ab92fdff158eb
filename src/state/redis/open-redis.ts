import { asChatError } from '../../chat/error.ts'
import { CancelSource } from '../../flow/cancel.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { sleep } from '../../flow/wait.ts'
import { refuseSealed, sealStore } from '../seal.ts'
import type { StateSecrets } from '../state-place.ts'
import type { Store } from '../store.ts'
import { unavailable } from '../unavailable.ts'
import type { RedisServer } from './redis-server.ts'
import { RedisStore, type RedisStoreOptions } from './redis-store.ts'

/** Milliseconds that Redis has at a start, because both may be started at once. */
const startMs = 5_000
const retryMs = 50

/** The salt of the key. It is not in the store, so that all processes still have the same key after Redis was emptied. */
const salt = Buffer.from('tributary: values of a shared state')

/** Without a secret the values are stored unencrypted. */
export interface RedisConfig extends StateSecrets {
  readonly server: RedisServer
}

/** @throws ChatError `unavailable`, with a message for the operator; the program must not start then */
export async function openRedis({ server, secret, previous }: RedisConfig, runtime: Runtime): Promise<Store> {
  const store = await openRedisStore(server, { runtime })
  try {
    if (secret) return await sealStore(store, secret, { runtime, previous, salt })
    await refuseSealed(store)
    return store
  } catch (thrown) {
    await store.close()
    throw thrown
  }
}

/** @throws ChatError `unavailable` if no write succeeds within the time of a start */
export async function openRedisStore(
  server: RedisServer,
  options: RedisStoreOptions & { readonly runtime: Runtime },
): Promise<RedisStore> {
  const { runtime } = options
  const store = new RedisStore(server, options)
  const lastTryAt = runtime.elapsed() + startMs
  const never = new CancelSource(runtime)
  for (;;) {
    const failure = await store.check().catch(asChatError)
    if (!failure) return store
    if (runtime.elapsed() >= lastTryAt) break
    await sleep(retryMs, never)
  }
  const problem = store.problem()?.message ?? 'Redis cannot be reached.'
  await store.close()
  throw unavailable(`${problem} It is the state of this gateway: check it, and STATE_URL.`)
}
