import { expect, spyOn, test } from 'bun:test'
import { readConfig } from './config.ts'
import type { RawVariables } from './spelled-values.ts'

/** Counts the steps of reading a configuration: the reads of a variable or a name, and the names that a pattern sees. */
function stepsOf(values: RawVariables): number {
  let reads = 0
  const counted = new Proxy(values, {
    get(target, name, receiver) {
      reads++
      return Reflect.get(target, name, receiver)
    },
    getOwnPropertyDescriptor(target, name) {
      reads++
      return Reflect.getOwnPropertyDescriptor(target, name)
    },
  })
  const exec = spyOn(RegExp.prototype, 'exec')
  try {
    expect(readConfig(counted, false)).not.toHaveProperty('problems')
    return reads + exec.mock.calls.length
  } finally {
    exec.mockRestore()
  }
}

type Numbered = (number: number) => Readonly<Record<string, string>>

function many(count: number, numbered: Numbered): RawVariables {
  const all: Record<string, string> = {}
  for (let number = 1; number <= count; number++) Object.assign(all, numbered(number))
  return all
}

const url = 'https://host.example/v1'
/** A key that looks like none of a real service. */
const keyOf = (number: number) => `test-key-${number}`
const keysOf = (names: readonly string[], number: number) =>
  Object.fromEntries(names.map((name) => [`${name}_${number}`, keyOf(number)]))
const tokens = ['MISTRAL_TOKEN', 'COHERE_TOKEN', 'AI21_TOKEN', 'OPENAI_API_KEY', 'GROQ_API_KEY', 'GEMINI_API_KEY']

const cases: Readonly<Record<string, Numbered>> = {
  'keys of one preset': (number) => keysOf(['OPENAI_API_KEY'], number),
  'keys of one named upstream': (number) => ({ UPSTREAM_X_URL: url, ...keysOf(['UPSTREAM_X_KEY'], number) }),
  'keys of many providers': (number) => keysOf(tokens, number),
  'keys under other names': (number) => keysOf(['MISTRAL_API_KEY', 'GROK_API_KEY'], number),
  'named upstreams': (number) => ({
    [`UPSTREAM_X${number}_URL`]: url,
    [`UPSTREAM_X${number}_KEY`]: keyOf(number),
    [`UPSTREAM_X${number}_KEY_1`]: keyOf(number),
    [`UPSTREAM_X${number}_MODELS`]: 'a, b',
    [`UPSTREAM_X${number}_HEADERS`]: '{"x-a":"b"}',
  }),
  'named upstreams under other names': (number) => ({
    [`UPSTREAM_X${number}_BASE_URL`]: url,
    [`UPSTREAM_X${number}_TOKEN`]: keyOf(number),
  }),
  'variables of other programs': (number) => ({ [`OTHER_SERVICE_PORT_${number}`]: String(number) }),
}

for (const [name, numbered] of Object.entries(cases))
  test(`reading takes twice the steps for twice the ${name}`, () => {
    const none = stepsOf(many(0, numbered))
    const some = stepsOf(many(100, numbered)) - none
    expect(stepsOf(many(200, numbered)) - none).toBeLessThan(2.2 * some)
  })
