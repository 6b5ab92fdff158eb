import { memory } from './memory/memory-place.ts'
import { redis } from './redis/redis-place.ts'
import { sqlite } from './sqlite/sqlite-place.ts'
import type { StoreKind } from './state-place.ts'

/** All kinds of storage. The first one that accepts a `STATE_URL` is used. */
export const storeKinds: readonly StoreKind[] = [memory, sqlite, redis]
