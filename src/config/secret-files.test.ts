import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { emptyFolder } from '../../test/e2e/program.ts'
import { applyKept } from './apply-kept.ts'
import { type Config, readConfig } from './config.ts'
import { configureUpstreams } from './configure-upstreams.ts'
import { Environment } from './environment.ts'
import { readListening } from './read-listening.ts'
import { readState } from './read-state.ts'
import { readTools } from './read-tools.ts'
import { SecretFiles } from './secret-files.ts'
import type { RawVariables } from './spelled-values.ts'
import { changedNames } from './when-changed.ts'

const key = 'sk-canary-0123456789abcdef'
let folder: Awaited<ReturnType<typeof emptyFolder>>
beforeAll(async () => {
  folder = await emptyFolder()
})
afterAll(() => folder[Symbol.asyncDispose]())

let count = 0
/** Writes a file. @returns its path */
function file(content: string | Uint8Array, name = `secret-${count++}`): string {
  const path = join(folder.path, name)
  writeFileSync(path, content, { mode: 0o600 })
  return path
}

function read(variables: RawVariables): Config {
  const config = readConfig(variables, false)
  if ('problems' in config) throw new Error(JSON.stringify(config.problems))
  return config
}

const problemsOf = (variables: RawVariables) => {
  const config = readConfig(variables, false)
  return 'problems' in config ? config.problems : []
}
const accountsOf = ({ upstreams }: Config) =>
  upstreams.flatMap(({ name, accounts }) =>
    accounts.map(({ label, credential }) => `${name} ${label} ${revealed.call({ credential }, 'credential', '')}`),
  )

describe('a file in place of a value', () => {
  test('is read for every variable that may contain a secret, in every spelling and with a number', () => {
    const set = {
      API_MASTER_KEY: 'sk-master-0123456789abcdef, sk-second-0123456789abcdef',
      OPENAI_API_KEY: key,
      OPENAI_API_KEY_2: `${key}-2`,
      GOOGLE_API_KEY: key,
      MISTRAL_API_KEY_1: key,
      UPSTREAM_LAB_URL: 'http://lab.test/v1',
      UPSTREAM_LAB_KEY: key,
      UPSTREAM_LAB_KEY_1: `${key}-1`,
      UPSTREAM_LAB_HEADERS: 'X-Token: a; X-Other: b',
      CLERK_COOKIE: '__client=a.b.c',
      LANGFAST_SUPABASE_ANON_KEY: 'public',
      EXA_API_KEY: key,
      EXA_MCP_URL: 'https://exa.test/mcp?exaApiKey=',
      STATE_SECRET: '0123456789abcdef0123456789abcdef',
      STATE_SECRET_PREVIOUS: 'fedcba9876543210',
      STATE_URL: 'redis://:hunter22@localhost:6379/0',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder of such files
      MCP_SERVERS: '{"mcpServers": {"one": {"command": "a", "env": {"PASSWORD": "${DB_PASSWORD}"}}}}',
      DB_PASSWORD: 'hunter23',
    }
    // an address is no secret
    const { UPSTREAM_LAB_URL, ...secrets } = set
    const files = Object.entries(secrets).map(([name, value]) => [`${name}_FILE`, file(`${value}\r\n\n`)])
    const expected = read(set)
    const found = read({ UPSTREAM_LAB_URL, ...Object.fromEntries(files) })
    expect(found.warnings).toEqual([])
    expect(accountsOf(found)).toEqual(accountsOf(expected))
    expect(accountsOf(found).length).toBeGreaterThan(6)
    expect(found.fingerprints).toEqual(expected.fingerprints)
    expect(found.keys.map((one) => one.reveal())).toEqual(expected.keys.map((one) => one.reveal()))
    expect([found.state.isShared, found.stateSecrets.secret?.reveal()]).toEqual([true, set.STATE_SECRET])
    expect(JSON.stringify(found.tools, revealed)).toBe(JSON.stringify(expected.tools, revealed))
    expect(found.settings.find(({ name }) => name === 'GEMINI_API_KEY')).toEqual({
      name: 'GEMINI_API_KEY',
      value: undefined,
      origin: 'environment, as GOOGLE_API_KEY_FILE',
    })
  })

  test('every variable whose value is hidden may be in a file', () => {
    const environment = new Environment({})
    const { secrets } = environment.recordReads(() => {
      readListening(environment, false)
      readState(environment, configureUpstreams(environment).upstreams)
      readTools(environment, {})
    })
    expect(secrets.length).toBeGreaterThan(20)
    expect(secrets.filter((name) => !new SecretFiles({ [`${name}_FILE`]: 'a' }).has(name))).toEqual([])
  })

  test('it is not read for variables without a secret, nor for those of other programs', () => {
    const missing = join(folder.path, 'missing')
    expect(
      read({ PORT_FILE: missing, HOST_FILE: missing, POSTGRES_PASSWORD_FILE: missing, SSL_CERT_FILE: missing }),
    ).toMatchObject({
      port: 8000,
      warnings: [],
    })
  })

  test('a link is followed, as Kubernetes makes one to exchange all files at once', () => {
    mkdirSync(join(folder.path, '..data'), { recursive: true })
    file(`${key}\n`, '..data/openai')
    symlinkSync('..data/openai', join(folder.path, 'openai'))
    expect(accountsOf(read({ OPENAI_API_KEY_FILE: join(folder.path, 'openai') }))).toEqual([
      `openai OPENAI_API_KEY ${key}`,
    ])
  })

  test('a new content is read at the next reload, and counts as a change of the variable', () => {
    const path = file(key)
    const former = read({ OPENAI_API_KEY_FILE: path })
    writeFileSync(path, `${key}-new`)
    const changed = read({ OPENAI_API_KEY_FILE: path })
    expect(accountsOf(changed)).toEqual([`openai OPENAI_API_KEY ${key}-new`])
    expect(changedNames(former, changed)).toEqual(['OPENAI_API_KEY'])
  })

  test('the state may not name one, and does not win over one', () => {
    const config = read({ OPENAI_API_KEY_FILE: file(key) })
    const kept = { OPENAI_API_KEY: `${key}-kept`, XAI_API_KEY_FILE: file(key), CREDENTIALS_DIRECTORY: folder.path }
    expect(accountsOf(applyKept(config, kept).config)).toEqual([`openai OPENAI_API_KEY ${key}`])
  })
})

describe('the folder of credentials of a service of systemd', () => {
  test('has the variables by their names', () => {
    const own = join(folder.path, 'credentials')
    mkdirSync(own, { recursive: true })
    file(`${key}\n`, 'credentials/OPENAI_API_KEY')
    file('anything', 'credentials/other.pem')
    const config = read({ CREDENTIALS_DIRECTORY: own })
    expect(accountsOf(config)).toEqual([`openai OPENAI_API_KEY ${key}`])
    expect(config.settings).toContainEqual({
      name: 'OPENAI_API_KEY',
      value: undefined,
      origin: 'environment, as CREDENTIALS_DIRECTORY/OPENAI_API_KEY',
    })
    expect(problemsOf({ CREDENTIALS_DIRECTORY: own, OPENAI_API_KEY: key })).toMatchObject([
      { variable: 'CREDENTIALS_DIRECTORY/OPENAI_API_KEY', problem: 'is set, and OPENAI_API_KEY too' },
    ])
    rmSync(own, { recursive: true })
    expect(accountsOf(read({ CREDENTIALS_DIRECTORY: own }))).not.toContain(key)
  })
})

describe('a mistake is reported with the name of the file’s variable, and without its content', () => {
  const cases: Readonly<Record<string, () => RawVariables>> = {
    'is set, and OPENAI_API_KEY too': () => ({ OPENAI_API_KEY: key, OPENAI_API_KEY_FILE: file(key) }),
    'is set, and OPENAI_API_KEY_1_FILE too': () => ({
      OPENAI_API_KEY: 'sk-0123456789',
      OPENAI_API_KEY_1_FILE: file(key),
      OPENAI_API_KEY_FILE_1: file(key),
    }),
    'names a file that cannot be read': () => ({ OPENAI_API_KEY_FILE: join(folder.path, 'missing') }),
    'does not name a file': () => ({ OPENAI_API_KEY_FILE: folder.path }),
    'names an empty file': () => ({ OPENAI_API_KEY_FILE: file(' \n') }),
    'names a file of more than 1 MiB': () => ({ OPENAI_API_KEY_FILE: file('a'.repeat(1024 * 1024 + 1)) }),
    'has several values, or a line break': () => ({ OPENAI_API_KEY_FILE: file(`${key}\n${key}-2\n`) }),
    'has white space or characters that no key has': () => ({ OPENAI_API_KEY_FILE: file(Buffer.from(key, 'utf16le')) }),
    'names a file that other users can write': () => {
      const path = file(key)
      chmodSync(path, 0o622)
      return { OPENAI_API_KEY_FILE: path }
    },
  }
  for (const [problem, variables] of Object.entries(cases))
    test(problem, () => {
      const found = problemsOf(variables())
      expect(found).toEqual([
        { variable: expect.stringMatching(/^OPENAI_API_KEY_(1_)?FILE/), problem, remedy: expect.any(String) },
      ])
      expect(JSON.stringify(found)).not.toContain('canary')
    })

  test('an empty value of one counts as unset', () => {
    expect(accountsOf(read({ OPENAI_API_KEY: key, OPENAI_API_KEY_FILE: ' ' }))).toHaveLength(1)
    expect(accountsOf(read({ OPENAI_API_KEY: '', OPENAI_API_KEY_FILE: file(key) }))).toHaveLength(1)
  })
})

/** The text of a secret within JSON. */
function revealed(this: Readonly<Record<string, unknown>>, name: string, value: unknown): unknown {
  const original = this[name]
  const isSecret = typeof original === 'object' && original !== null && 'reveal' in original
  return isSecret && typeof original.reveal === 'function' ? original.reveal() : value
}
