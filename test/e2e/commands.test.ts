import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { join } from 'node:path'
import manifest from '../../package.json'
import { emulateCto } from '../../src/providers/cto/emulator/index.ts'
import { emulateOpenai, frame, type OpenaiEmulator } from '../../src/providers/openai-compatible/emulator/index.ts'
import { emulateHttp } from '../../src/wire/emulator/http.ts'
import { measureBelow, until } from '../waiting.ts'
import { build, emptyFolder, isSource, run, start } from './program.ts'

// The command line of the executable.

beforeAll(build, 120_000)

const secret = 'sk-secret-0123456789abcdef'

let emulator: OpenaiEmulator
beforeAll(async () => {
  emulator = await emulateOpenai()
})
afterAll(() => emulator.close())

describe('the command line', () => {
  for (const word of ['--version', '-v', 'version'])
    test(`${word} prints the version`, async () => {
      expect(await run([word])).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' })
    })

  for (const flag of ['--help', '-h', 'help']) {
    test(`${flag} names every command`, async () => {
      const { code, stdout, stderr } = await run([flag])
      expect([code, stderr]).toEqual([0, ''])
      for (const word of [
        'serve',
        'check',
        'doctor',
        'models',
        'health',
        'connect',
        'demo',
        'settings',
        '--env-file',
        '--version',
      ])
        expect(stdout).toContain(word)
    })
  }

  for (const args of [
    ['nothing'],
    ['--nothing'],
    ['serve', 'check'],
    ['--env-file'],
    ['--port='],
    ['--host', ''],
    ['--env-file='],
    ['help', 'nothing'],
    ['help', ''],
    ['toString'],
    ['__proto__'],
    [''],
  ]) {
    test(`"${args.join(' ')}" is a wrong use: 64`, async () => {
      const { code, stdout, stderr } = await run(args)
      expect([code, stdout]).toEqual([64, ''])
      expect(stderr).toContain('Usage:')
    })
  }
})

for (const [word, meant] of [
  ['srve', 'serve'],
  ['chekc', 'check'],
  ['doktor', 'doctor'],
  ['DOCTOR', 'doctor'],
  ['start', 'serve'],
  ['validate', 'check'],
] as const)
  test(`"${word}" is probably meant to be ${meant}`, async () => {
    const { code, stderr } = await run([word])
    expect(code).toBe(64)
    expect(stderr).toStartWith(`There is no command "${word}". Did you mean "${meant}"?\n`)
  })

test('--prot is probably meant to be --port', async () => {
  expect((await run(['serve', '--prot', '80'])).stderr).toStartWith("Unknown option '--prot'. Did you mean --port?\n")
})

describe('the executable alone', () => {
  test('prints every setting as a valid .env file', async () => {
    const { code, stdout } = await run(['settings'])
    expect([code, stdout]).toEqual([0, await Bun.file(join(import.meta.dir, '../../.env.example')).text()])
    await using folder = await emptyFolder()
    await Bun.write(join(folder.path, '.env'), stdout)
    expect(await run(['check'], { cwd: folder.path })).toMatchObject({ code: 0, stderr: '' })
  })

  test('says how to get a credential, for all upstreams or for one', async () => {
    const all = await run(['help', 'upstreams'])
    expect(all.stdout).toStartWith('# Upstreams\n')
    const one = await run(['help', 'upstreams', 'cohere'])
    expect(one.stdout).toStartWith('## Cohere\n')
    expect(all.stdout).toContain(one.stdout)
  })

  test('accepts the name of an upstream alone, and suggests the nearest name', async () => {
    expect((await run(['help', 'mistral'])).stdout).toStartWith('## Mistral\n')
    for (const args of [
      ['help', 'Groq'],
      ['help', 'ollama'],
      ['help', 'upstreams', 'groq'],
    ])
      expect((await run(args)).stdout).toStartWith('## OpenAI and compatible ones\n')
    expect((await run(['help', 'check'])).stdout).toContain('Usage:')
    for (const [word, meant] of [
      ['upstream', 'upstreams'],
      ['setings', 'settings'],
    ] as const)
      expect((await run(['help', word])).stderr).toStartWith(
        `There is no help on "${word}". Did you mean "${meant}"?\n`,
      )
  })

  test('names only documents that it contains', async () => {
    const outcomes = await Promise.all([['--help'], ['nothing'], ['doctor']].map((args) => run(args)))
    for (const { stdout, stderr } of outcomes) expect(stdout + stderr).not.toContain('docs/')
  })
})

test('answers an unknown option with one line', async () => {
  const { stderr } = await run(['--nothing'])
  expect(stderr).toStartWith("Unknown option '--nothing'.\n\n")
})

describe('check', () => {
  test('shows what a start would use, without its secrets', async () => {
    const { code, stdout, stderr } = await run(['check'], {
      variables: {
        API_MASTER_KEY: secret,
        OPENAI_API_KEY: secret,
        OPENAI_API_KEY_2: `${secret}2`,
        UPSTREAM_LAB_URL: 'http://127.0.0.1:1/v1',
        UPSTREAM_LAB_MODELS: 'a,b',
      },
    })
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('0.0.0.0:8000')
    expect(stdout).toContain('upstream openai')
    expect(stdout).toContain('upstream lab')
    expect(stdout).toContain('The configuration is valid.')
    expect(stdout).not.toContain(secret)
  })

  test('names the source of every setting, and the file that it read', async () => {
    await using folder = await emptyFolder()
    await Bun.write(
      join(folder.path, '.env'),
      `# a file\nPORT=1234\nMAX_BODY_BYTES=2048\nMISTRAL_API_KEY=${secret}\nALLOW_UNAUTHENTICATED=NO\nLOG_LEVEL=INFO\n`,
    )
    const { code, stdout, stderr } = await run(['check', '--host=localhost'], {
      cwd: folder.path,
      variables: { PORT: '4321', OPENAI_API_KEY: secret, OPENAI_API_BASE: 'http://127.0.0.1:1/v1' },
    })
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^reads +\/.*\/\.env$/m)
    for (const row of [
      /^HOST +localhost +--host$/m,
      /^PORT +4321 +environment$/m,
      /^MAX_BODY_BYTES +2048 +\.env line 3$/m,
      /^STREAM_IDLE_TIMEOUT +120 +default$/m,
      /^CHAT_TTL +3600 +default$/m,
      /^LOG_LEVEL +INFO +\.env line 6$/m,
      /^MISTRAL_TOKEN +set, not shown +\.env line 4, as MISTRAL_API_KEY$/m,
      /^OPENAI_API_KEY +set, not shown +environment$/m,
      /^OPENAI_BASE_URL +http:\/\/127\.0\.0\.1:1\/v1 +environment, as OPENAI_API_BASE$/m,
      /^upstream openai +at http:\/\/127\.0\.0\.1:1\/v1; accounts OPENAI_API_KEY; models as listed by the upstream$/m,
      /^upstream mistral +at https:\/\/api\.mistral\.ai\/v1; accounts MISTRAL_API_KEY; models as listed by the upstream$/m,
    ])
      expect(stdout).toMatch(row)
    expect(stdout).not.toContain(secret)
  })

  test('prints the same as JSON', async () => {
    // a key that can be guessed may be the name of a member
    const { code, stdout } = await run(['check', '--json'], {
      variables: { COHERE_API_KEY: secret, API_MASTER_KEY: 'problems' },
    })
    expect(code).toBe(0)
    expect(stdout).not.toContain(secret)
    const report: unknown = JSON.parse(stdout)
    expect(report).toMatchObject({ valid: true, file: null, problems: [], upstreams: [{ name: 'cohere' }] })
    expect(report).toHaveProperty(
      'settings',
      expect.arrayContaining([{ name: 'PORT', value: '8000', origin: 'default' }]),
    )
    const wrong = await run(['check', '--json'], { variables: { PORT: 'x' } })
    expect(wrong.code).toBe(78)
    expect(JSON.parse(wrong.stdout)).toMatchObject({ valid: false, problems: [{ variable: 'PORT' }] })
    const host = await run(['check', '--json'], {
      variables: { HOST: '192.0.2.1', API_MASTER_KEY: 'sk-0123456789abcdef' },
    })
    expect(JSON.parse(host.stdout)).toMatchObject({
      valid: false,
      problems: [{ variable: 'HOST', problem: expect.any(String), remedy: null }],
    })
    const doctor = await run(['doctor', '--json'], { variables: { PORT: 'x' } })
    expect([doctor.code, JSON.parse(doctor.stdout)]).toMatchObject([
      78,
      { works: false, problems: [{ variable: 'PORT' }] },
    ])
  })

  for (const [what, variables, says] of [
    [
      'a missing state folder',
      { STATE_URL: 'sqlite:///nowhere/at/all.db' },
      'The folder of the state, /nowhere/at, does not exist',
    ],
    [
      'a name that does not resolve',
      { HOST: 'nosuch.example', API_MASTER_KEY: secret },
      'the name "nosuch.example" does not resolve',
    ],
    [
      'an address of another machine',
      { HOST: '203.0.113.1', API_MASTER_KEY: secret },
      'this machine has no such address',
    ],
    ['a host with a scheme', { ALLOWED_HOSTS: 'https://a.example' }, 'ALLOWED_HOSTS has a URL'],
    ['every host', { ALLOWED_HOSTS: '*' }, 'ALLOWED_HOSTS has a *'],
    ['models of an upstream that is off', { GROQ_MODELS: 'a' }, 'GROQ_API_KEY is missing, although GROQ_MODELS is set'],
    ['models of nobody', { COHERE_MODELS: 'a' }, 'COHERE_MODELS is set, but cohere is off'],
    [
      'an address of an upstream that is off',
      { MISTRAL_BASE_URL: 'http://a' },
      'MISTRAL_BASE_URL is set, but mistral is off',
    ],
    [
      'an unknown model for summaries',
      { OPENAI_API_KEY: secret, SUMMARY_MODEL: 'groq/a' },
      'SUMMARY_MODEL names a model that no configured upstream has',
    ],
    [
      'a route to an unknown upstream',
      { OPENAI_API_KEY: secret, ROUTES: 'a = groq/b' },
      'ROUTES has "groq/b", but there is no upstream "groq", at column 5',
    ],
    [
      'too few accounts',
      { MIN_CREDENTIALS: '9', MAX_CREDENTIALS: '2' },
      'MIN_CREDENTIALS is more than MAX_CREDENTIALS',
    ],
  ] as const)
    test(`finds ${what}: 78`, async () => {
      const { code, stdout, stderr } = await run(['check'], { variables })
      expect(code).toBe(78)
      expect(stdout + stderr).toContain(says)
      expect(stdout + stderr).not.toContain('valid')
    })

  test('warns of chats that are stored in plain text, and writes nothing', async () => {
    await using folder = await emptyFolder()
    const variables = { STATE_URL: `sqlite:${join(folder.path, 'a.db')}` }
    const { code, stdout } = await run(['check'], { variables })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^note: There is no STATE_SECRET, so chats are kept in .*a\.db unencrypted/m)
    expect(stdout).toMatch(/^CHAT_TTL +2592000 +default$/m)
    expect(await Bun.file(join(folder.path, 'a.db')).exists()).toBe(false)
  })

  test('names the line of a file that is not a valid .env: 78', async () => {
    await using folder = await emptyFolder()
    for (const [content, says] of [
      ['# a\nPORT: 1\n', '.env line 2 looks like YAML'],
      [`OPENAI_API_KEY="${secret}\nPORT=1\n`, '.env line 1 opens a quote'],
      [Buffer.from(`\ufeffOPENAI_API_KEY=${secret}\n`, 'utf16le'), '.env line 1 begins a text in UTF-16'],
      [`{"OPENAI_API_KEY": "${secret}"}`, '.env line 1 looks like JSON'],
    ] as const) {
      await Bun.write(join(folder.path, '.env'), content)
      const { code, stdout, stderr } = await run(['check'], { cwd: folder.path })
      expect([code, stdout]).toEqual([78, ''])
      expect(stderr).toContain(says)
      expect(stderr).not.toContain(secret)
    }
  })

  test('warns of every name in .env that is not a setting', async () => {
    await using folder = await emptyFolder()
    await Bun.write(join(folder.path, '.env'), `FOO=${secret}\nPROT=${secret}\n`)
    const { code, stderr } = await run(['check'], { cwd: folder.path, variables: { BAR: 'x' } })
    expect(code).toBe(0)
    expect(stderr).toBe(
      'warning: .env line 1: FOO is not a variable of tributary.\nwarning: .env line 2: PROT is not a variable of tributary. Did you mean PORT?\n',
    )
  })

  test('warns of a probable typo', async () => {
    const { code, stderr } = await run(['check'], { variables: { OPENAI_API_KEI: secret } })
    expect(code).toBe(0)
    expect(stderr).toContain('OPENAI_API_KEI is not a variable of tributary. Did you mean OPENAI_API_KEY?')
    expect(stderr).not.toContain(secret)
  })

  const wrong = {
    PORT: '99999',
    HOST: '0.0.0.0',
    MAX_BODY_BYTES: 'lots',
    OPENAI_BASE_URL: `ftp://user:${secret}@host/v1`,
    UPSTREAM_LAB_KEY: secret,
    LOG_LEVEL: 'loud',
    CORS_ORIGINS: 'example',
    GROQ_API_KEY: `${secret} with space`,
  }
  const named = [
    'PORT',
    'HOST',
    'MAX_BODY_BYTES',
    'OPENAI_BASE_URL',
    'UPSTREAM_LAB_URL',
    'LOG_LEVEL',
    'CORS_ORIGINS',
    'GROQ_API_KEY',
  ]

  for (const [command, exit] of [
    ['check', 78],
    ['serve', 78],
    ['models', 78],
    // a container's health check knows 0 and 1 only
    ['health', 1],
  ] as const) {
    test(`prints every problem of a wrong configuration on its own line: ${exit} (${command})`, async () => {
      const { code, stdout, stderr } = await run([command], { variables: wrong })
      expect([code, stdout]).toEqual([exit, ''])
      const lines = stderr.trim().split('\n')
      expect(lines[0]).toBe('The configuration has 8 problems; nothing was started.')
      expect(
        lines
          .slice(1)
          .map((line) => line.split(' ')[0])
          .sort(),
      ).toEqual(named.sort())
      for (const line of lines.slice(1)) expect(line).toMatch(/^[A-Z_]+ .+: .+\.$/)
      expect(stderr).not.toContain(secret)
    })
  }

  test('reports a missing file: 78', async () => {
    const { code, stderr } = await run(['check', '--env-file', 'nothing.env'])
    expect(code).toBe(78)
    expect(stderr).toContain('--env-file names a file that does not exist')
  })
})

describe('the environment', () => {
  test('./.env is read, and the environment wins', async () => {
    await using folder = await emptyFolder()
    await Bun.write(join(folder.path, '.env'), 'PORT=1234\nMAX_BODY_BYTES=2048\n# a comment\nLOG_LEVEL="warn"\n')
    const { code, stdout } = await run(['check'], { cwd: folder.path, variables: { PORT: '4321' } })
    expect(code).toBe(0)
    expect(stdout).toContain(':4321')
    expect(stdout).toContain('2048 bytes')
    expect(stdout).toContain('warn')
  })

  // in a checkout Bun itself reads these files, before our code runs
  test.skipIf(isSource)('--env-file is read instead of ./.env', async () => {
    await using folder = await emptyFolder()
    await Bun.write(join(folder.path, '.env'), 'PORT=1234\nLOG_LEVEL=warn\n')
    await Bun.write(join(folder.path, 'other.env'), 'PORT=4321\n')
    for (const args of [
      ['check', '--env-file', 'other.env'],
      ['--env-file=other.env', 'check'],
    ]) {
      const { stdout } = await run(args, { cwd: folder.path })
      expect(stdout).toContain(':4321')
      expect(stdout).toContain('info')
    }
  })

  // an executable that is built without the two --no-compile-autoload flags does run it
  test.skipIf(isSource)('a bunfig.toml and other files of Bun in the folder run nothing (item 38)', async () => {
    await using folder = await emptyFolder()
    const evil = "require('node:fs').writeFileSync(require('node:path').join(process.cwd(), 'ran'), '')\n"
    await Bun.write(join(folder.path, 'evil.js'), evil)
    await Bun.write(
      join(folder.path, 'bunfig.toml'),
      'preload = ["./evil.js"]\n[run]\npreload = ["./evil.js"]\n[test]\npreload = ["./evil.js"]\n',
    )
    await Bun.write(join(folder.path, '.env.local'), 'MAX_BODY_BYTES=2048\n')
    await Bun.write(join(folder.path, '.env.production'), 'MAX_BODY_BYTES=4096\n')
    await Bun.write(
      join(folder.path, 'package.json'),
      '{"name":"evil","main":"./evil.js","imports":{"#x":"./evil.js"}}',
    )
    await Bun.write(join(folder.path, 'tsconfig.json'), '{"compilerOptions":{"paths":{"*":["./evil.js"]}}}')
    const { code, stdout } = await run(['check'], { cwd: folder.path })
    expect(code).toBe(0)
    expect(stdout).toContain(`${32 * 1024 * 1024} bytes`)
    await using gateway = await start({}, { cwd: folder.path })
    expect((await fetch(`${gateway.url}/health`)).status).toBe(200)
    expect(await Bun.file(join(folder.path, 'ran')).exists()).toBe(false)
  })
})

describe('serve', () => {
  test('is the default, and prints the address of a free port', async () => {
    for (const args of [[], ['serve']]) {
      await using gateway = await start({}, { args })
      expect(gateway.url).toMatch(/^http:\/\/127\.0\.0\.1:\d{4,5}$/)
      expect(await (await fetch(`${gateway.url}/health`)).json()).toEqual({ status: 'ok', version: manifest.version })
      const line: unknown = JSON.parse(gateway.output().split('\n')[0] ?? '')
      expect(line).toMatchObject({ msg: 'listening', url: gateway.url, version: manifest.version, upstreams: ['demo'] })
    }
  })

  test('answers as demo/echo while nothing is configured', async () => {
    await using gateway = await start()
    const body = JSON.stringify({ model: 'demo/echo', messages: [{ role: 'user', content: 'Hello' }] })
    const response = await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', body })
    expect(await response.json()).toMatchObject({
      choices: [{ message: { content: expect.stringContaining('Hello') } }],
    })
  })

  test('prints its address as text if the setting asks for that', async () => {
    await using gateway = await start({ LOG_FORMAT: 'pretty' })
    expect(gateway.output()).toContain(
      `listens on ${gateway.url} (OpenAI base URL: ${gateway.url}/v1), upstreams: demo`,
    )
  })

  test('reports a port in use, and exits with 1', async () => {
    await using gateway = await start()
    const { code, stderr } = await run(['serve'], { variables: { HOST: '127.0.0.1', PORT: new URL(gateway.url).port } })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^Cannot listen on 127\.0\.0\.1:\d+: another program uses this port\. PORT=0 picks a free one\.\n$/,
    )
  })

  for (const [host, why] of [
    ['203.0.113.1', 'this machine has no such address. HOST=127.0.0.1'],
    ['nowhere.invalid', 'the name "nowhere.invalid" does not resolve. Check its spelling; HOST=127.0.0.1'],
  ] as const)
    test(`reports ${host}, which is not an address of this machine, and exits with 1`, async () => {
      const { code, stderr } = await run(['serve'], {
        variables: { HOST: host, PORT: '0', API_MASTER_KEY: 'sk-of-the-commands-test' },
      })
      expect(code).toBe(1)
      expect(stderr).toBe(`Cannot listen on ${host}:0: ${why} only accepts this machine, and 0.0.0.0 accepts all.\n`)
    })

  test('listens at the port of the command line, which wins over all settings', async () => {
    const port = await freePort()
    await using gateway = await start({ PORT: '1' }, { args: ['serve', '--host', 'localhost', '--port', String(port)] })
    expect(gateway.url).toBe(`http://localhost:${port}`)
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200)
  })

  test('does not listen with a wrong configuration: 78', async () => {
    const port = await freePort()
    const { code } = await run(['serve'], { variables: { HOST: '127.0.0.1', PORT: String(port), LOG_LEVEL: 'loud' } })
    expect(code).toBe(78)
    expect(await canConnect(port)).toBe(false)
  })

  test('does not listen at a public address without a key: 78 (item 14)', async () => {
    const { code, stderr } = await run(['serve'], { variables: { HOST: '0.0.0.0', PORT: '0' } })
    expect(code).toBe(78)
    expect(stderr).toContain('HOST is reachable from other machines, but no API_MASTER_KEY is set')
  })

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`ends with 0 on ${signal}, at once if no request runs`, async () => {
      await measureBelow(1_000, 'milliseconds until it ended', async () => {
        await using gateway = await start()
        await (await fetch(`${gateway.url}/health`)).text()
        const startedAt = performance.now()
        expect(await gateway.stop(signal)).toBe(0)
        const tookMs = performance.now() - startedAt
        expect(await canConnect(Number(new URL(gateway.url).port))).toBe(false)
        return tookMs
      })
    })
  }

  test('lets a running stream end on SIGTERM', async () => {
    await using gateway = await start({ OPENAI_BASE_URL: emulator.url, OPENAI_MODELS: 'gpt-test' })
    const word = (content: string, finish_reason: string | null = null) =>
      frame({ choices: [{ index: 0, delta: { content }, finish_reason }] })
    emulator.script({ body: [word('one'), word('two', 'stop'), 'data: [DONE]\n\n'], paceMs: 300 })
    const response = await streamFrom(gateway.url)
    const stopped = gateway.stop('SIGTERM')
    const text = await response.text()
    expect(text).toContain('two')
    expect(text).toEndWith('data: [DONE]\n\n')
    expect(await stopped).toBe(0)
  })

  test('ends a stream after the grace period with an error and without [DONE], and still exits with 0', async () => {
    await using gateway = await start({ OPENAI_BASE_URL: emulator.url, OPENAI_MODELS: 'gpt-test', SHUTDOWN_GRACE: '1' })
    emulator.script({ body: [frame({ choices: [{ index: 0, delta: { content: 'one' } }] })], ending: 'stall' })
    const response = await streamFrom(gateway.url)
    const stopped = gateway.stop('SIGTERM')
    const text = await response.text()
    expect(text).toContain('"code":"shutting_down"')
    expect(text).not.toContain('[DONE]')
    expect(await stopped).toBe(0)
  })

  test('ends at once on the second signal', async () => {
    await using gateway = await start({ OPENAI_BASE_URL: emulator.url, OPENAI_MODELS: 'gpt-test' })
    emulator.script({ body: [frame({ choices: [{ index: 0, delta: { content: 'one' } }] })], ending: 'stall' })
    await streamFrom(gateway.url)
    const first = gateway.stop('SIGTERM')
    await until(() => gateway.output().includes('stopping'), 10_000, 'the first signal')
    expect(await gateway.stop('SIGTERM')).toBe(1)
    await first
  })
})

describe('health', () => {
  test('asks the configured server: 0', async () => {
    await using gateway = await start()
    const variables = { HOST: '127.0.0.1', PORT: new URL(gateway.url).port }
    expect(await run(['health'], { variables })).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  test('asks a server that listens on every address, with a key', async () => {
    await using gateway = await start({ HOST: '0.0.0.0', API_MASTER_KEY: secret })
    const variables = { API_MASTER_KEY: secret, PORT: new URL(gateway.url).port }
    expect(await run(['health'], { variables })).toMatchObject({ code: 0 })
  })

  test('exits with 1 if no server answers', async () => {
    const { code, stderr } = await run(['health'], { variables: { PORT: String(await freePort()) } })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^No server answers at http:\/\/127\.0\.0\.1:\d+\.\n$/)
  })

  test.concurrent('exits with 1 if another program answers with an error, or does not answer', async () => {
    await using unwell = await serverThat((exchange) => exchange.reply(503, '{}'))
    expect(await run(['health'], { variables: { PORT: unwell.port } })).toMatchObject({ code: 1 })
    await using silent = await serverThat(() => undefined)
    expect(await run(['health'], { variables: { PORT: silent.port } })).toMatchObject({ code: 1 })
  })
})

describe('models', () => {
  test('prints one model on each line', async () => {
    const { code, stdout } = await run(['models'], {
      variables: {
        OPENAI_BASE_URL: emulator.url,
        UPSTREAM_LAB_URL: 'http://127.0.0.1:1/v1',
        UPSTREAM_LAB_MODELS: 'a,b',
      },
    })
    expect(code).toBe(0)
    expect(stdout).toBe('openai/gpt-test\nopenai/vendor/gpt-slash\nlab/a\nlab/b\n')
  })

  test('prints demo/echo while nothing is configured', async () => {
    expect(await run(['models'])).toEqual({ code: 0, stdout: 'demo/echo\n', stderr: '' })
  })

  describe('with accounts that must be renewed first', () => {
    test('stores the renewed accounts, so that the next process can use them', async () => {
      const cto = await emulateCto({ protocol: 'v2', rotates: true })
      await using folder = await emptyFolder()
      const state = `sqlite:${join(folder.path, 'state.db')}`
      const variables = { ...cto.variables, STATE_URL: state, STATE_SECRET: 'a-secret-of-the-models-tests', PORT: '0' }
      for (let time = 0; time < 2; time++)
        expect(await run(['models'], { variables })).toMatchObject({ code: 0, stdout: 'cto/gpt_5_4\ncto/glm_5_1\n' })
      await using gateway = await start(variables)
      const { code, stderr } = await run(['models'], { variables })
      expect(code).toBe(78)
      expect(stderr).toContain('Another tributary has the state file')
      await gateway.stop('SIGTERM')
      await cto.close()
    })

    test('does not ask the service while a server has them in its memory: 1', async () => {
      const cto = await emulateCto({ protocol: 'v2', rotates: true })
      const variables = { ...cto.variables, STATE_URL: 'memory:' }
      await using gateway = await start(variables)
      const { port } = new URL(gateway.url)
      const { code, stderr } = await run(['models'], { variables: { ...variables, HOST: '127.0.0.1', PORT: port } })
      expect(code).toBe(1)
      expect(stderr).toContain('The server is running and keeps the renewed accounts of cto in its memory')
      const body = JSON.stringify({ model: 'cto/gpt_5_4', messages: [{ role: 'user', content: 'Hello' }] })
      expect((await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', body })).status).toBe(200)
      await cto.close()
    })
  })

  for (const command of ['models', 'doctor'])
    test.concurrent(`${command} renews nothing while the server that may have the accounts is too busy to answer: 1`, async () => {
      const cto = await emulateCto({ protocol: 'v2', rotates: true })
      await using silent = await serverThat(() => undefined)
      const variables = { ...cto.variables, STATE_URL: 'memory:', PORT: silent.port }
      const { code, stdout, stderr } = await run([command], { variables })
      expect([code, stdout]).toEqual([1, ''])
      expect(stderr).toContain('keeps the renewed accounts of cto in its memory')
      await cto.close()
    })

  test('exits with 1 and a reason if no upstream has a list', async () => {
    const { code, stdout, stderr } = await run(['models'], {
      variables: { OPENAI_BASE_URL: `http://127.0.0.1:${await freePort()}/v1` },
    })
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('models could not be listed')
  })
})

function streamFrom(url: string): Promise<Response> {
  const body = JSON.stringify({ model: 'gpt-test', stream: true, messages: [{ role: 'user', content: 'Hello' }] })
  return fetch(`${url}/v1/chat/completions`, { method: 'POST', body })
}

async function serverThat(
  answer: Parameters<typeof emulateHttp>[0],
): Promise<AsyncDisposable & { readonly port: string }> {
  const server = await emulateHttp(answer)
  return { port: new URL(server.origin).port, [Symbol.asyncDispose]: () => server.close() }
}

/** Finds a port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = await emulateHttp(() => undefined)
  await server.close()
  return Number(new URL(server.origin).port)
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
