import { percentDecoded } from '../../chat/percent-decoded.ts'
import { Secret } from '../../chat/secret.ts'
import type { StatePlace, StoreKind, UrlProblem } from '../state-place.ts'
import type { RedisConfig } from './open-redis.ts'
import type { RedisServer } from './redis-server.ts'

/** A Redis or Valkey, which any number of processes share. */
function redisPlace(config: RedisConfig): StatePlace {
  const url = urlOf(config.server)
  return {
    url,
    description: `${url}, shared by all processes that use it`,
    isDurable: true,
    isShared: true,
    // the client is loaded only if it is used
    open: async (runtime) => (await import('./open-redis.ts')).openRedis(config, runtime),
    inspect: async (runtime) => (await import('./inspect-redis.ts')).inspectRedis(config, runtime),
  }
}

export const redis: StoreKind = {
  form: 'redis://HOST',
  read(url, secrets) {
    if (!scheme.test(url)) return undefined
    const read = readServer(url)
    return 'problem' in read ? read : redisPlace({ server: read, ...secrets })
  },
}

const scheme = /^(redis|valkey)(s|\+unix)?:/i
const form = /^(?:redis|valkey)(s|\+unix)?:(?:\/\/)?(?:([^@/?#]*)@)?([^@/?#]*)([^?#]*)(?:\?([^#]*))?$/i
const defaults = { port: 6379, prefix: 'tributary:' } as const
const remedy = 'for example redis://:PASSWORD@host:6379/0?prefix=tributary: or redis+unix:///run/redis.sock'

/** Reads the URL by hand: the user and the password of a Unix socket have no host, which no URL allows. */
function readServer(url: string): RedisServer | UrlProblem {
  const [isWhole, kind = '', who = '', host = '', path = '', query = ''] = form.exec(url) ?? []
  if (isWhole === undefined) return { problem: 'is not in the form of a Redis URL', remedy }
  const isSocket = kind.toLowerCase() === '+unix'
  const parameters = new URLSearchParams(query)
  const [unknown] = [...parameters.keys()].filter((name) => name !== 'prefix' && name !== 'db')
  if (unknown !== undefined) return { problem: 'has a parameter that is neither prefix nor db', remedy }
  const address = isSocket ? readSocket(host, path) : readHost(host, kind !== '')
  if ('problem' in address) return address
  const database = parameters.get('db') ?? (isSocket ? '' : path.slice(1).replace(/\/$/, ''))
  if (!/^\d{0,5}$/.test(database)) return { problem: 'names a database that is not a number', remedy }
  const account = readAccount(who)
  if (!account) return { problem: 'has a user or a password that is not URL-encoded', remedy }
  return { address, ...account, database: Number(database), prefix: parameters.get('prefix') ?? defaults.prefix }
}

function readSocket(host: string, path: string): RedisServer['address'] | UrlProblem {
  const isPath = host === '' && path.startsWith('/')
  return isPath
    ? { path: percentDecoded(path) ?? path }
    : { problem: 'needs the absolute path of a Unix socket', remedy }
}

function readHost(text: string, isTls: boolean): RedisServer['address'] | UrlProblem {
  const [isWhole, v6, name, port] = /^(?:\[([\da-f:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/i.exec(text) ?? []
  const host = v6 ?? name
  const number = Number(port ?? defaults.port)
  if (isWhole === undefined || host === undefined || number < 1 || number > 65_535)
    return { problem: 'has no valid host and port', remedy }
  return { host, port: number, isTls }
}

/** @returns undefined if it cannot be decoded */
function readAccount(who: string): Pick<RedisServer, 'user' | 'password'> | undefined {
  const [user, password] = [who.split(':')[0] ?? '', who.split(':').slice(1).join(':')].map(percentDecoded)
  if (user === undefined || password === undefined) return undefined
  return { ...(user !== '' && { user }), ...(password !== '' && { password: new Secret(password) }) }
}

/** The URL without the password. */
function urlOf({ address, user, database, prefix }: RedisServer): string {
  const who = user === undefined ? '' : `${encodeURIComponent(user)}@`
  const rest = prefix === defaults.prefix ? '' : `prefix=${encodeURIComponent(prefix)}`
  if ('path' in address) {
    const query = [database > 0 ? `db=${database}` : '', rest].filter(Boolean).join('&')
    return `redis+unix://${who}${address.path}${query && `?${query}`}`
  }
  const { host, port, isTls } = address
  return `${isTls ? 'rediss' : 'redis'}://${who}${host.includes(':') ? `[${host}]` : host}:${port}/${database}${rest && `?${rest}`}`
}
