import { lookup as systemLookup } from 'node:dns/promises'
import { isIP } from 'node:net'

/** Every address of a name. @throws what the look-up fails with */
export type Resolve = (hostname: string) => Promise<readonly string[]>

export interface FoundAddress {
  readonly address: string
  /** Seconds that it may be remembered. */
  readonly ttl: number
}

/** How names are looked up. */
export interface LookUps {
  /** Asks the name servers without a thread of ours, and reads the hosts file. */
  readonly dns: (hostname: string) => Promise<readonly FoundAddress[]>
  /** Asks the operating system, which also knows names that no name server has. It holds a thread meanwhile. */
  readonly system: (hostname: string) => Promise<readonly FoundAddress[]>
  /** Milliseconds, of a clock that only goes forward. */
  readonly now: () => number
}

interface Remembered {
  readonly addresses: readonly string[]
  readonly until: number
}

const maxRemembered = 256
/** Seconds. Shorter, and a name server is asked for each of many connections; longer, and a move is noticed late. */
const minTtl = 2
const maxTtl = 30

/**
 * Looks names up so that one silent name delays no other: the operating system's look-ups hold one of few threads for up to
 * ten seconds each (on two cores, two silent names stopped all look-ups and the reading of files), so they come second, and
 * one at a time (docs/decisions/0023-own-http-client.md).
 */
export function resolver({ dns, system, now }: LookUps): Resolve {
  const remembered = new Map<string, Remembered>()
  const asked = new Map<string, Promise<readonly string[]>>()
  let systemsTurn: Promise<unknown> = Promise.resolve()

  const askSystem = (hostname: string) => {
    const answer = systemsTurn.then(() => system(hostname))
    systemsTurn = answer.catch(() => undefined)
    return answer
  }

  const ask = async (hostname: string) => {
    // an answer that there is no such name comes at once; silence ends in a failure of its own after some seconds
    const found = await dns(hostname).catch((thrown: unknown) => {
      if (isSilence(thrown)) throw thrown
      return askSystem(hostname)
    })
    const addresses = [...new Set(found.map(({ address }) => address))]
    const ttl = Math.min(maxTtl, Math.max(minTtl, ...found.map(({ ttl }) => ttl)))
    if (remembered.size >= maxRemembered) remembered.clear()
    remembered.set(hostname, { addresses, until: now() + ttl * 1_000 })
    return addresses
  }

  return (hostname) => {
    if (isIP(hostname)) return Promise.resolve([hostname])
    const known = remembered.get(hostname)
    if (known && known.until > now()) return Promise.resolve(known.addresses)
    const running = asked.get(hostname)
    if (running) return running
    const answer = ask(hostname).finally(() => asked.delete(hostname))
    asked.set(hostname, answer)
    return answer
  }
}

function isSilence(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && /TIMEOUT|CANCELLED/.test(String(thrown.code))
}

/** As the program looks names up. */
export const resolveName: Resolve = resolver({
  dns: (hostname) => Bun.dns.lookup(hostname, { backend: 'c-ares' }),
  system: async (hostname) => (await systemLookup(hostname, { all: true })).map((found) => ({ ...found, ttl: 0 })),
  now: () => performance.now(),
})
