import { describe, expect, test } from 'bun:test'
import { inspect } from 'node:util'
import { redis } from './redis-place.ts'

const urlOf = (url: string) => {
  const read = redis.read(url, {})
  if (!read) return undefined
  return 'problem' in read ? read : read.url
}

describe('a URL of Redis', () => {
  for (const [url, meant] of [
    ['redis://host', 'redis://host:6379/0'],
    ['redis:host', 'redis://host:6379/0'],
    ['REDIS://Host:1', 'redis://Host:1/0'],
    ['redis://host/', 'redis://host:6379/0'],
    ['redis://host:7000/3', 'redis://host:7000/3'],
    ['redis://host/3/', 'redis://host:6379/3'],
    ['redis://host?db=4', 'redis://host:6379/4'],
    ['rediss://host', 'rediss://host:6379/0'],
    ['valkey://host', 'redis://host:6379/0'],
    ['valkeys://host', 'rediss://host:6379/0'],
    ['redis://10.0.0.1', 'redis://10.0.0.1:6379/0'],
    ['redis://[::1]:7000', 'redis://[::1]:7000/0'],
    ['redis://:pass-word@host', 'redis://host:6379/0'],
    ['redis://us%65r:p%40ss%3Aword@host', 'redis://user@host:6379/0'],
    ['redis://host?prefix=other%3A', 'redis://host:6379/0?prefix=other%3A'],
    ['redis+unix:///run/redis.sock', 'redis+unix:///run/redis.sock'],
    ['redis+unix:/run/redis.sock?db=2', 'redis+unix:///run/redis.sock?db=2'],
    ['redis+unix://user:secret-word@/run/a%20b.sock?prefix=x', 'redis+unix://user@/run/a b.sock?prefix=x'],
  ] as const)
    test(`${url} means ${meant}`, () => expect(urlOf(url)).toBe(meant))

  for (const url of [
    'redis:',
    'redis://',
    'redis://host:0',
    'redis://host:70000',
    'redis://host:port',
    'redis://::1',
    'redis://host/name',
    'redis://host?db=-1',
    'redis://host?password=hunter22',
    'redis://user:hunter22%zz@host',
    'redis+unix://host/run/redis.sock',
    'redis+unix:redis.sock',
  ])
    test(`${url} is refused with a form that works, and without its secret`, () => {
      const read = urlOf(url)
      expect(read).toMatchObject({ remedy: expect.stringContaining('redis://') })
      expect(JSON.stringify(read)).not.toContain('hunter22')
    })

  for (const url of ['sqlite:/a.db', 'memory:', 'postgres://host', 'redisx://host', 'rediss+unix:///a'])
    test(`${url} belongs to another kind`, () => expect(urlOf(url)).toBeUndefined())
})

test('no place shows its password', () => {
  const place = redis.read('redis://user:hunter22@host', {})
  expect(inspect(place, { depth: 9 }) + JSON.stringify(place)).not.toContain('hunter22')
})
