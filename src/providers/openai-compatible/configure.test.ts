import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../../test/sizes.ts'
import { redact, Secret } from '../../chat/secret.ts'
import { Environment } from '../../config/environment.ts'
import { newCancel } from '../../wire/machine.double.ts'
import type { Upstream } from '../provider.ts'
import { emulateOpenai } from './emulator/index.ts'
import { provider } from './index.ts'
import { ollamaUrl } from './ollama-host.ts'
import { presets } from './presets.ts'

function configure(values: Readonly<Record<string, string>>) {
  const environment = new Environment(values)
  const upstreams = provider.configure(environment)
  return { upstreams, names: upstreams.map(({ name }) => name), problems: environment.problems, environment }
}

/** The variables of the problems. No problem may contain a value. */
function variablesWithProblems(values: Readonly<Record<string, string>>): string[] {
  const { problems } = configure(values)
  for (const value of Object.values(values)) expect(JSON.stringify(problems)).not.toContain(value)
  return problems.map(({ variable }) => variable)
}

function keysOf(upstream: Upstream | undefined): (string | undefined)[] {
  return (upstream?.accounts ?? []).map(({ credential }) =>
    credential instanceof Secret ? credential.reveal() : undefined,
  )
}

test('without variables there is no upstream and no problem', () => {
  expect(configure({})).toMatchObject({ upstreams: [], problems: [] })
})

describe('a preset', () => {
  for (const { name, prefix, url } of presets) {
    test(`${name} only needs its key, and has an https address without a trailing slash`, () => {
      const { upstreams, problems } = configure({ [`${prefix}_API_KEY`]: 'key-of-mine' })
      expect(problems).toEqual([])
      expect(upstreams.map((upstream) => upstream.name)).toEqual([name])
      expect(upstreams[0]?.accounts.map(({ label }) => label)).toEqual([`${prefix}_API_KEY`])
      expect(keysOf(upstreams[0])).toEqual(['key-of-mine'])
      expect(url).toMatch(/^https:\/\/[a-z0-9.-]+(\/[\w.-]+)*$/)
    })
  }

  test('names and prefixes are unique, and each name is valid in a model’s address', () => {
    expect(new Set(presets.map(({ name }) => name)).size).toBe(presets.length)
    expect(new Set(presets.map(({ prefix }) => prefix)).size).toBe(presets.length)
    for (const { name } of presets) expect(name).toMatch(/^[a-z0-9-]+$/)
  })

  test('all presets keep their order', () => {
    const values = Object.fromEntries(presets.map(({ prefix }) => [`${prefix}_API_KEY`, 'key']))
    expect(configure(values).names).toEqual(presets.map(({ name }) => name))
  })

  test('only OpenAI itself gets one request for several answers', () => {
    const { upstreams } = configure({ OPENAI_API_KEY: 'a', GROQ_API_KEY: 'b' })
    expect(upstreams.map(({ support }) => support.parameters.choices)).toEqual(['honoured', 'emulated'])
  })

  test('several keys are several accounts, ordered by their numbers', () => {
    const { upstreams } = configure({
      OPENAI_API_KEY_10: 'ten',
      OPENAI_API_KEY_2: 'two',
      OPENAI_API_KEY: 'zero',
    })
    expect(keysOf(upstreams[0])).toEqual(['zero', 'two', 'ten'])
    expect(upstreams[0]?.accounts.map(({ label }) => label)).toEqual([
      'OPENAI_API_KEY',
      'OPENAI_API_KEY_2',
      'OPENAI_API_KEY_10',
    ])
  })

  test('a list of models replaces the service’s own list', () => {
    const { upstreams } = configure({ OPENAI_API_KEY: 'a', OPENAI_MODELS: ' gpt-a , vendor/b ,, ' })
    expect(upstreams[0]?.models).toEqual([{ id: 'gpt-a' }, { id: 'vendor/b' }])
  })

  test('a base URL without a key is accepted for OpenAI, and reported as a missing key for the others', () => {
    expect(keysOf(configure({ OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' }).upstreams[0])).toEqual([undefined])
    expect(variablesWithProblems({ GROQ_BASE_URL: 'http://127.0.0.1:1/v1' })).toEqual(['GROQ_API_KEY'])
  })

  test('an invalid URL is reported without its value', () => {
    expect(variablesWithProblems({ OPENAI_API_KEY: 'canary-key', OPENAI_BASE_URL: 'ftp://canary.example' })).toEqual([
      'OPENAI_BASE_URL',
    ])
  })

  test('a key with white space is reported without its value', () => {
    expect(variablesWithProblems({ GROQ_API_KEY: 'canary with space' })).toEqual(['GROQ_API_KEY'])
  })
})

describe('UPSTREAM_<NAME>_URL', () => {
  test('the name of the upstream is in lower case, with - for _', () => {
    const { upstreams, problems } = configure({
      UPSTREAM_MY_BOX_2_URL: 'http://127.0.0.1:1/v1/',
      UPSTREAM_MY_BOX_2_KEY_1: 'one',
      UPSTREAM_MY_BOX_2_KEY_2: 'two',
      UPSTREAM_MY_BOX_2_MODELS: 'a,b',
    })
    expect(problems).toEqual([])
    expect(upstreams.map(({ name }) => name)).toEqual(['my-box-2'])
    expect(keysOf(upstreams[0])).toEqual(['one', 'two'])
    expect(upstreams[0]?.models).toEqual([{ id: 'a' }, { id: 'b' }])
  })

  test('without a key no key is sent', () => {
    expect(keysOf(configure({ UPSTREAM_BOX_URL: 'http://127.0.0.1:1/v1' }).upstreams[0])).toEqual([undefined])
  })

  test('a key or a list of models without a URL is reported', () => {
    expect(new Set(variablesWithProblems({ UPSTREAM_BOX_KEY: 'canary-1', UPSTREAM_CRATE_MODELS: 'canary-2' }))).toEqual(
      new Set(['UPSTREAM_BOX_URL', 'UPSTREAM_CRATE_URL']),
    )
  })

  test('a name that exists already is reported, and the first upstream keeps it', () => {
    const { names, problems } = configure({ OPENAI_API_KEY: 'a', UPSTREAM_OPENAI_URL: 'http://127.0.0.1:1/v1' })
    expect(names).toEqual(['openai'])
    expect(problems.map(({ variable }) => variable)).toEqual(['UPSTREAM_OPENAI_URL'])
  })

  test('any environment gives unique names, and no exception', () => {
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom('http://127.0.0.1:1/v1', 'key', '127.0.0.1', ':', 'http://', '[::1'),
    )
    // only these texts, because each key becomes a secret of the whole process, and is cut out of the output of later
    // tests
    const key = fc.constantFrom('', ' ', 'key', 'two words', 'k\u00e9y', 'key-of-any-environment')
    const variables = fc.record(
      {
        OPENAI_API_KEY: key,
        OPENAI_BASE_URL: value,
        GROQ_API_KEY: key,
        GROQ_MODELS: value,
        OLLAMA_HOST: value,
        UPSTREAM_A_URL: value,
        UPSTREAM_A_KEY_1: key,
        UPSTREAM_OLLAMA_URL: value,
        UPSTREAM_A_B_MODELS: value,
        UPSTREAM__URL: value,
        UPSTREAM_KEY_URL: value,
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(variables, (values) => {
        const { names } = configure(values)
        expect(new Set(names).size).toBe(names.length)
      }),
      { numRuns: runs(2_000) },
    )
  })
})

describe('an address', () => {
  const baseUrls = (values: Readonly<Record<string, string>>) =>
    configure(values).upstreams.map(({ baseUrl }) => baseUrl)

  test('that was copied from a request becomes the base URL, with its query', () => {
    expect(
      baseUrls({
        OPENAI_BASE_URL: ' http://127.0.0.1:1/v1/chat/completions/ ',
        UPSTREAM_A_URL: 'http://127.0.0.1:1//v1/models',
        UPSTREAM_B_URL: 'http://127.0.0.1:1/openai/deployments/d/chat/completions?api-version=2024-10-21',
      }),
    ).toEqual([
      'http://127.0.0.1:1/v1',
      'http://127.0.0.1:1/v1',
      'http://127.0.0.1:1/openai/deployments/d?api-version=2024-10-21',
    ])
  })

  test('without a version causes a warning with its variable and without its value', () => {
    const { environment, problems } = configure({
      UPSTREAM_BOX_URL: 'http://127.0.0.1:1/',
      OPENAI_BASE_URL: 'http://127.0.0.1:2/models',
      OPENROUTER_API_KEY: 'a',
      OPENROUTER_BASE_URL: 'http://127.0.0.1:4/api',
      PERPLEXITY_API_KEY: 'a',
      PERPLEXITY_BASE_URL: 'http://127.0.0.1:3',
      UPSTREAM_AZURE_URL: 'http://127.0.0.1:5/openai/deployments/d?api-version=2024-10-21',
      UPSTREAM_OLD_URL: 'http://127.0.0.1:6/V1',
    })
    expect(problems).toEqual([])
    const named = ['OPENAI_BASE_URL', 'OPENROUTER_BASE_URL', 'UPSTREAM_BOX_URL']
    expect(environment.warnings).toEqual(
      named.map((name) => expect.stringMatching(new RegExp(`^${name} has no version in its path\\.`))),
    )
    expect(environment.warnings.join()).not.toContain('127.0.0.1')
  })

  for (const wrong of ['http://box/v 1', 'http://u:canary@box/v1', 'http://box/v1#canary', 'box:1234/v1'])
    test(`${wrong} is reported`, () =>
      expect(variablesWithProblems({ UPSTREAM_BOX_URL: wrong })).toEqual(['UPSTREAM_BOX_URL']))
})

describe('…_HEADERS', () => {
  const sent = async (values: Readonly<Record<string, string>>) => {
    const emulator = await emulateOpenai()
    const address = { UPSTREAM_BOX_URL: emulator.url, OPENROUTER_BASE_URL: emulator.url }
    const [upstream] = configure({
      ...values,
      ...(values.OPENROUTER_API_KEY ? address : { UPSTREAM_BOX_URL: emulator.url }),
    }).upstreams
    const [account] = upstream?.accounts ?? []
    if (account) await upstream?.listModels?.(account, newCancel())
    await emulator.close()
    return emulator.requests[0]?.headers
  }

  test('are sent with every request, from lines, after ; or as JSON', async () => {
    for (const text of [
      'X-Title: My lab; HTTP-Referer: https://lab.example:8080/x',
      'X-Title: My lab\n\n HTTP-Referer : https://lab.example:8080/x\n',
      '{"X-Title": "My lab", "HTTP-Referer": "https://lab.example:8080/x"}',
    ]) {
      const headers = await sent({ UPSTREAM_BOX_HEADERS: text })
      expect(headers?.get('x-title')).toBe('My lab')
      expect(headers?.get('http-referer')).toBe('https://lab.example:8080/x')
    }
  })

  test('OpenRouter gets the program’s name, unless its variable sets another', async () => {
    expect((await sent({ OPENROUTER_API_KEY: 'a' }))?.get('x-title')).toBe('tributary')
    const headers = await sent({ OPENROUTER_API_KEY: 'a', OPENROUTER_HEADERS: 'X-Title: Lab' })
    expect(headers?.get('x-title')).toBe('Lab')
  })

  test('that contain a key are redacted in every text', () => {
    configure({ UPSTREAM_BOX_URL: 'http://box/v1', UPSTREAM_BOX_HEADERS: 'Authorization: Bearer canary-of-a-header' })
    expect(redact('it was canary-of-a-header')).toBe('it was [secret]')
  })

  for (const wrong of [
    'no colon',
    'Host: box',
    'content-length: 1',
    'X-A: é',
    'a b: c',
    ': x',
    'X-A:',
    '{"X-A"',
    '[1]',
  ])
    test(`${wrong} is reported`, () =>
      expect(
        configure({ UPSTREAM_BOX_URL: 'http://box/v1', UPSTREAM_BOX_HEADERS: wrong }).problems.map(
          ({ variable }) => variable,
        ),
      ).toEqual(['UPSTREAM_BOX_HEADERS']))
})

describe('OLLAMA_HOST', () => {
  const rows = [
    ['127.0.0.1', 'http://127.0.0.1:11434/v1'],
    ['127.0.0.1:8080', 'http://127.0.0.1:8080/v1'],
    ['localhost:11434', 'http://localhost:11434/v1'],
    ['0.0.0.0', 'http://127.0.0.1:11434/v1'],
    ['0.0.0.0:9000', 'http://127.0.0.1:9000/v1'],
    [':11434', 'http://127.0.0.1:11434/v1'],
    ['[::1]:11434', 'http://[::1]:11434/v1'],
    ['[::1]', 'http://[::1]:11434/v1'],
    ['::1', 'http://[::1]:11434/v1'],
    ['[::]:11434', 'http://[::1]:11434/v1'],
    ['http://127.0.0.1:11434', 'http://127.0.0.1:11434/v1'],
    ['http://127.0.0.1:11434/', 'http://127.0.0.1:11434/v1'],
    ['box.example:80', 'http://box.example/v1'],
    ['http://box.example:80', 'http://box.example/v1'],
    ['http://box.example', 'http://box.example/v1'],
    ['https://box.example', 'https://box.example/v1'],
    ['https://box.example/ollama', 'https://box.example/ollama/v1'],
    ['box.example', 'http://box.example:11434/v1'],
    ['http://127.0.0.1:11434/v1', 'http://127.0.0.1:11434/v1'],
    ['http://127.0.0.1:11434/v1/', 'http://127.0.0.1:11434/v1'],
    ['127.0.0.1:11434/v1/chat/completions', 'http://127.0.0.1:11434/v1'],
    ['127.0.0.1:11434/api', 'http://127.0.0.1:11434/v1'],
    ['127.0.0.1:11434/api/chat', 'http://127.0.0.1:11434/v1'],
  ] as const
  for (const [host, url] of rows) test(`${host} has the base URL ${url}`, () => expect(ollamaUrl(host)).toBe(url))

  for (const host of ['http://', '[::1', '127.0.0.1:99999', 'ftp://127.0.0.1', 'a b', 'me:word@box', 'box?x=1'])
    test(`${host} is reported`, () =>
      expect(configure({ OLLAMA_HOST: host }).problems.map(({ variable }) => variable)).toEqual(['OLLAMA_HOST']))

  test('a running Ollama gives its models without a key', async () => {
    const emulator = await emulateOpenai({ models: ['llama'] })
    const { upstreams } = configure({ OLLAMA_HOST: emulator.origin })
    const [account] = upstreams[0]?.accounts ?? []
    expect(account && (await upstreams[0]?.listModels?.(account, newCancel()))).toMatchObject([{ id: 'llama' }])
    expect(emulator.requests[0]?.headers.has('authorization')).toBe(false)
    await emulator.close()
  })
})
