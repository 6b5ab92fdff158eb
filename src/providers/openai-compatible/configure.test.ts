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

function configured(values: Readonly<Record<string, string>>) {
  const environment = new Environment(values)
  const upstreams = provider.configure(environment)
  return { upstreams, names: upstreams.map(({ name }) => name), problems: environment.problems, environment }
}

/** The variables of the problems; none may hold a value. */
function faultyIn(values: Readonly<Record<string, string>>): string[] {
  const { problems } = configured(values)
  for (const value of Object.values(values)) expect(JSON.stringify(problems)).not.toContain(value)
  return problems.map(({ variable }) => variable)
}

function keysOf(upstream: Upstream | undefined): (string | undefined)[] {
  return (upstream?.accounts ?? []).map(({ credential }) =>
    credential instanceof Secret ? credential.reveal() : undefined,
  )
}

test('with nothing set there is no upstream, and nothing is wrong', () => {
  expect(configured({})).toMatchObject({ upstreams: [], problems: [] })
})

describe('a preset', () => {
  for (const { name, prefix, url } of presets) {
    test(`${name} is on with its key alone, at an https address without a trailing slash`, () => {
      const { upstreams, problems } = configured({ [`${prefix}_API_KEY`]: 'key-of-mine' })
      expect(problems).toEqual([])
      expect(upstreams.map((upstream) => upstream.name)).toEqual([name])
      expect(upstreams[0]?.accounts.map(({ label }) => label)).toEqual([`${prefix}_API_KEY`])
      expect(keysOf(upstreams[0])).toEqual(['key-of-mine'])
      expect(url).toMatch(/^https:\/\/[a-z0-9.-]+(\/[\w.-]+)*$/)
    })
  }

  test('names and prefixes are unique, and each name is one an address can begin with', () => {
    expect(new Set(presets.map(({ name }) => name)).size).toBe(presets.length)
    expect(new Set(presets.map(({ prefix }) => prefix)).size).toBe(presets.length)
    for (const { name } of presets) expect(name).toMatch(/^[a-z0-9-]+$/)
  })

  test('all of them at once stand in their own order', () => {
    const values = Object.fromEntries(presets.map(({ prefix }) => [`${prefix}_API_KEY`, 'key']))
    expect(configured(values).names).toEqual(presets.map(({ name }) => name))
  })

  test('only OpenAI asks for several answers by itself', () => {
    const { upstreams } = configured({ OPENAI_API_KEY: 'a', GROQ_API_KEY: 'b' })
    expect(upstreams.map(({ support }) => support.parameters.choices)).toEqual(['honoured', 'emulated'])
  })

  test('several keys are several accounts, in the order of their numbers', () => {
    const { upstreams } = configured({
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

  test('a list of models is all it serves', () => {
    const { upstreams } = configured({ OPENAI_API_KEY: 'a', OPENAI_MODELS: ' gpt-a , vendor/b ,, ' })
    expect(upstreams[0]?.models).toEqual([{ id: 'gpt-a' }, { id: 'vendor/b' }])
  })

  test('a base URL without a key is a server that asks for none, for OpenAI; for the others the key is missing', () => {
    expect(keysOf(configured({ OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' }).upstreams[0])).toEqual([undefined])
    expect(faultyIn({ GROQ_BASE_URL: 'http://127.0.0.1:1/v1' })).toEqual(['GROQ_API_KEY'])
  })

  test('a wrong URL is reported, by name and without its value', () => {
    expect(faultyIn({ OPENAI_API_KEY: 'canary-key', OPENAI_BASE_URL: 'ftp://canary.example' })).toEqual([
      'OPENAI_BASE_URL',
    ])
  })

  test('a key with white space in it is reported, by name and without its value', () => {
    expect(faultyIn({ GROQ_API_KEY: 'canary with space' })).toEqual(['GROQ_API_KEY'])
  })
})

describe('UPSTREAM_<NAME>_URL', () => {
  test('the upstream is called by its name in lower case, with - for _', () => {
    const { upstreams, problems } = configured({
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

  test('without a key it asks with none', () => {
    expect(keysOf(configured({ UPSTREAM_BOX_URL: 'http://127.0.0.1:1/v1' }).upstreams[0])).toEqual([undefined])
  })

  test('a key or a list of models without a URL is reported', () => {
    expect(new Set(faultyIn({ UPSTREAM_BOX_KEY: 'canary-1', UPSTREAM_CRATE_MODELS: 'canary-2' }))).toEqual(
      new Set(['UPSTREAM_BOX_URL', 'UPSTREAM_CRATE_URL']),
    )
  })

  test('a name that is taken is reported, and the first keeps it', () => {
    const { names, problems } = configured({ OPENAI_API_KEY: 'a', UPSTREAM_OPENAI_URL: 'http://127.0.0.1:1/v1' })
    expect(names).toEqual(['openai'])
    expect(problems.map(({ variable }) => variable)).toEqual(['UPSTREAM_OPENAI_URL'])
  })

  test('whatever is in the environment, configuring throws nothing and gives names that are unique', () => {
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom('http://127.0.0.1:1/v1', 'key', '127.0.0.1', ':', 'http://', '[::1'),
    )
    // not any text: a key is a secret of the whole process, and the word `length` would be cut out of all that later tests read
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
        const { names } = configured(values)
        expect(new Set(names).size).toBe(names.length)
      }),
      { numRuns: runs(2_000) },
    )
  })
})

describe('an address', () => {
  const baseUrls = (values: Readonly<Record<string, string>>) =>
    configured(values).upstreams.map(({ baseUrl }) => baseUrl)

  test('that was copied from a request is brought to its base, its query kept', () => {
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

  test('without a version is named at the start, by its variable and without its value', () => {
    const { environment, problems } = configured({
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
    test(`${wrong} is reported`, () => expect(faultyIn({ UPSTREAM_BOX_URL: wrong })).toEqual(['UPSTREAM_BOX_URL']))
})

describe('…_HEADERS', () => {
  const sent = async (values: Readonly<Record<string, string>>) => {
    const emulator = await emulateOpenai()
    const address = { UPSTREAM_BOX_URL: emulator.url, OPENROUTER_BASE_URL: emulator.url }
    const [upstream] = configured({
      ...values,
      ...(values.OPENROUTER_API_KEY ? address : { UPSTREAM_BOX_URL: emulator.url }),
    }).upstreams
    const [account] = upstream?.accounts ?? []
    if (account) await upstream?.listModels?.(account, newCancel())
    await emulator.close()
    return emulator.requests[0]?.headers
  }

  test('stand on every request, written in lines, after ; or as JSON', async () => {
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

  test('OpenRouter is told who asks, unless its variable says otherwise', async () => {
    expect((await sent({ OPENROUTER_API_KEY: 'a' }))?.get('x-title')).toBe('tributary')
    const headers = await sent({ OPENROUTER_API_KEY: 'a', OPENROUTER_HEADERS: 'X-Title: Lab' })
    expect(headers?.get('x-title')).toBe('Lab')
  })

  test('what in them is a key is cut out of every text', () => {
    configured({ UPSTREAM_BOX_URL: 'http://box/v1', UPSTREAM_BOX_HEADERS: 'Authorization: Bearer canary-of-a-header' })
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
        configured({ UPSTREAM_BOX_URL: 'http://box/v1', UPSTREAM_BOX_HEADERS: wrong }).problems.map(
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
  for (const [host, url] of rows) test(`${host} is asked at ${url}`, () => expect(ollamaUrl(host)).toBe(url))

  for (const host of ['http://', '[::1', '127.0.0.1:99999', 'ftp://127.0.0.1', 'a b', 'me:word@box', 'box?x=1'])
    test(`${host} is reported`, () =>
      expect(configured({ OLLAMA_HOST: host }).problems.map(({ variable }) => variable)).toEqual(['OLLAMA_HOST']))

  test('a running one is asked for its models and chats, without a key', async () => {
    const emulator = await emulateOpenai({ models: ['llama'] })
    const { upstreams } = configured({ OLLAMA_HOST: emulator.origin })
    const [account] = upstreams[0]?.accounts ?? []
    expect(account && (await upstreams[0]?.listModels?.(account, newCancel()))).toMatchObject([{ id: 'llama' }])
    expect(emulator.requests[0]?.headers.has('authorization')).toBe(false)
    await emulator.close()
  })
})
