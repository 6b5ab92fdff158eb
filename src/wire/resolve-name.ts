import { ipVersion } from '../flow/ip-address.ts'

/** Finds all addresses of a name. @throws the error of the look-up */
export type Resolve = (hostname: string) => Promise<readonly string[]>

export interface FoundAddress {
  readonly address: string
  /** Seconds for which it may be remembered. */
  readonly ttl: number
}

/** The ways to look a name up. */
export interface LookUps {
  /** Asks the name servers without using a thread, and reads the hosts file. */
  readonly dns: (hostname: string) => Promise<readonly FoundAddress[]>
  /** Asks the operating system, which also knows names that no name server has. It blocks a thread meanwhile. */
  readonly system: (hostname: string) => Promise<readonly FoundAddress[]>
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
}

interface Remembered {
  readonly addresses: readonly string[]
  readonly until: number
}

const maxRemembered = 256
/** Seconds. With a shorter time every connection would ask a name server; with a longer time a changed address is noticed late. */
const minTtl = 2
const maxTtl = 30

/**
 * Looks names up. A name without an answer does not delay the others. The operating system's look-ups block one of a few
 * threads for up to ten seconds each (on two cores, two such names stopped all look-ups and all reading of files), so they are tried
 * second, and one at a time (docs/decisions/0023-own-http-client.md).
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
    // "no such name" comes at once; silence becomes an error after some seconds
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
    if (ipVersion(hostname)) return Promise.resolve([hostname])
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

/** The look-ups of this machine. @param now milliseconds of a clock that only goes forward */
export function openResolver(now: () => number): Resolve {
  return resolver({
    dns: (hostname) => Bun.dns.lookup(hostname, { backend: 'c-ares' }),
    system: async (hostname) => {
      const { lookup } = await import('node:dns/promises')
      return (await lookup(hostname, { all: true })).map((found) => ({ ...found, ttl: 0 }))
    },
    now,
  })
}
