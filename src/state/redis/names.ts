import type { RedisServer } from './redis-server.ts'

/** The names of our keys and channels in a server. */
export type Names = ReturnType<typeof namesOf>

export function namesOf({ prefix, database }: Pick<RedisServer, 'prefix' | 'database'>) {
  return {
    value: (key: string) => `${prefix}v:${key}`,
    counter: (key: string) => `${prefix}c:${key}`,
    lease: (name: string) => `${prefix}l:${name}`,
    /** The last version or fence. */
    numbers: `${prefix}numbers`,
    /** The keys of all values. */
    keys: `${prefix}keys`,
    /** The keys of all values that end. */
    ends: `${prefix}ends`,
    /** Written to see whether writes work. */
    check: `${prefix}check`,
    // all databases of a server share their channels
    channels: `${prefix}n:${database}:`,
  }
}
