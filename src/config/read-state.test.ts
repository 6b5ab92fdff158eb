import { describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { readyFlow } from '../flow/flow.double.ts'
import type { Upstream } from '../providers/provider.ts'
import { machine } from '../wire/machine.double.ts'
import { Environment } from './environment.ts'
import { readState } from './read-state.ts'

const secret = 'read-state-secret-of-a-test'

const plain: Upstream = {
  name: 'plain',
  accounts: [{ label: 'KEY', credential: 'k' }],
  support: { parameters: {} },
  chat: () => readyFlow(),
}
const renewal = {
  expiresAt: () => undefined,
  aheadMs: 0,
  renew: async (credential: unknown) => credential,
  encode: String,
  decode: (text: string) => text,
}
const renewed: Upstream = { ...plain, name: 'renewed', accounts: [{ label: 'COOKIE', credential: 'c', renewal }] }
const supplied: Upstream = {
  ...plain,
  name: 'supplied',
  accounts: [],
  supply: { min: 1, max: 2, renewal, create: async () => 'c' },
}

function read(variables: Readonly<Record<string, string>>, upstreams: readonly Upstream[] = [plain]) {
  const environment = new Environment(variables)
  const { state: place, warnings } = readState(environment, upstreams)
  const { url, keyFile } = place
  return { place, state: { url, ...(keyFile && { keyFile }) }, warnings, problems: environment.problems }
}

const variablesOf = ({ problems }: ReturnType<typeof read>) => problems.map(({ variable }) => variable)

describe('without a URL and without systemd', () => {
  test('the state is in memory, without a warning if there is nothing to lose', () => {
    expect(read({})).toMatchObject({ state: { url: 'memory:' }, warnings: [], problems: [] })
    expect(read({}, []).warnings).toEqual([])
  })

  for (const upstream of [renewed, supplied])
    test(`one warning says that ${upstream.name} credentials are lost with the process`, () => {
      const { state, warnings, problems } = read({}, [plain, upstream, renewed])
      expect(state).toEqual({ url: 'memory:' })
      expect(warnings.length).toBe(1)
      expect(warnings[0]).toContain('are lost when the process ends')
      expect(problems).toEqual([])
    })

  test('an explicit choice of memory causes no warning', () => {
    expect(read({ STATE_URL: 'memory:' }, [renewed])).toMatchObject({
      state: { url: 'memory:' },
      warnings: [],
      problems: [],
    })
  })
})

describe('in systemd’s folder', () => {
  const kept = { url: 'sqlite:/var/lib/t/tributary.db', keyFile: '/var/lib/t/state.key' }

  test('there is a database and a key file, and no warning', () => {
    for (const upstreams of [[], [renewed]])
      expect(read({ STATE_DIRECTORY: '/var/lib/t' }, upstreams)).toMatchObject({
        state: kept,
        warnings: [],
        problems: [],
      })
  })

  test('the first of several folders is used', () => {
    expect(read({ STATE_DIRECTORY: '/var/lib/t:/var/lib/u' }).state).toEqual(kept)
  })

  test('a secret is used instead of the key file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tributary-read-state-'))
    const open = (variables: Readonly<Record<string, string>>) => read(variables, [renewed]).place.open(machine)
    try {
      await (await open({ STATE_DIRECTORY: folder, STATE_SECRET: secret })).close()
      expect(readdirSync(folder)).not.toContain('state.key')
      await expect(open({ STATE_DIRECTORY: folder, STATE_SECRET: `${secret} another` })).rejects.toThrow('STATE_SECRET')
      await (await open({ STATE_URL: `sqlite:${folder}/tributary.db`, STATE_SECRET: secret })).close()
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('nothing is stored if a URL chooses another place', () => {
    expect(read({ STATE_DIRECTORY: '/var/lib/t', STATE_URL: 'memory:' }).state).toEqual({ url: 'memory:' })
    expect(read({ STATE_DIRECTORY: '/var/lib/t', STATE_URL: 'sqlite:/a/b.db' }).state).toEqual({
      url: 'sqlite:/a/b.db',
    })
  })
})

describe('STATE_URL', () => {
  test('names a file, relative to the working directory', () => {
    expect(read({ STATE_URL: 'sqlite:/a b/c.db' })).toMatchObject({
      state: { url: 'sqlite:/a b/c.db' },
      warnings: [],
      problems: [],
    })
    expect(read({ STATE_URL: 'sqlite:kept/c.db' }).state).toEqual({ url: `sqlite:${resolve('kept/c.db')}` })
    expect(read({ STATE_URL: 'sqlite:file:c.db' }).state).toEqual({ url: `sqlite:${resolve('file:c.db')}` })
  })

  test('with the password of a Redis is never shown', () => {
    const environment = new Environment({ STATE_URL: 'redis://user:hunter22@host', STATE_SECRET: secret })
    const { state } = readState(environment, [renewed])
    expect([state.url, state.isShared, environment.problems]).toEqual(['redis://user@host:6379/0', true, []])
    expect(environment.settings.find(({ name }) => name === 'STATE_URL')?.value).toBeUndefined()
    const wrong = read({ STATE_URL: 'redis://user:hunter22@host:port' })
    expect(variablesOf(wrong)).toEqual(['STATE_URL'])
    expect(JSON.stringify(wrong.problems)).not.toContain('hunter22')
  })

  for (const [url, file] of [
    ['sqlite:///a/b.db', '/a/b.db'],
    ['sqlite:////a/b.db', '/a/b.db'],
    ['sqlite:/a/b.db', '/a/b.db'],
    ['sqlite://a.db', resolve('a.db')],
    ['sqlite3:/a.db', '/a.db'],
    ['SQLITE:/a', '/a'],
    ['file:/a.db', '/a.db'],
    ['file:///a.db', '/a.db'],
    ['/a/b.db', '/a/b.db'],
    ['./b', resolve('b')],
    ['b.sqlite', resolve('b.sqlite')],
  ] as const)
    test(`${url} means the file ${file}`, () =>
      expect(read({ STATE_URL: url })).toMatchObject({ state: { url: `sqlite:${file}` }, warnings: [], problems: [] }))

  for (const url of ['memory', 'MEMORY:', 'memory://', ':memory:', 'sqlite::memory:', 'sqlite://:memory:'])
    test(`${url} means memory`, () => expect(read({ STATE_URL: url }).state).toEqual({ url: 'memory:' }))

  for (const url of [
    'sqlite:',
    'sqlite://',
    'sqlite:///',
    'sqlite:~/a.db',
    '~/a.db',
    'sqlite:/a.db?mode=ro',
    'nothing',
    'postgres://h/a',
  ])
    test(`${url} is refused with a form that works`, () => {
      const [problem, ...others] = read({ STATE_URL: url }).problems
      expect(others).toEqual([])
      expect(problem?.variable).toBe('STATE_URL')
      expect(problem?.remedy).toMatch(/sqlite:/)
    })
})

describe('STATE_SECRET', () => {
  test('is required for a file that stores credentials', () => {
    for (const upstream of [renewed, supplied]) {
      expect(variablesOf(read({ STATE_URL: 'sqlite:/a' }, [upstream]))).toEqual(['STATE_SECRET'])
      expect(variablesOf(read({ STATE_URL: 'sqlite:/a', STATE_SECRET: secret }, [upstream]))).toEqual([])
    }
    expect(variablesOf(read({ STATE_URL: 'sqlite:/a' }, [plain]))).toEqual([])
  })

  test('needs at least sixteen characters everywhere', () => {
    for (const place of [{ STATE_URL: 'sqlite:/a' }, { STATE_DIRECTORY: '/a' }, {}]) {
      const short = read({ ...place, STATE_SECRET: 'fifteen-letters' }, [renewed])
      expect(variablesOf(short)).toEqual(['STATE_SECRET'])
      expect(JSON.stringify(short.problems)).not.toContain('fifteen-letters')
      expect(variablesOf(read({ ...place, STATE_SECRET: 'sixteen--letters' }, [renewed]))).toEqual([])
    }
  })

  test('that is malformed causes one problem, not two', () => {
    expect(variablesOf(read({ STATE_URL: 'sqlite:/a', STATE_SECRET: 'white space in a secret' }, [renewed]))).toEqual([
      'STATE_SECRET',
    ])
  })
})
