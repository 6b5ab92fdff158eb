import { expect, test } from 'bun:test'
import { readConfig } from './config.ts'

function findingsOf(variables: Readonly<Record<string, string>>): string {
  const read = readConfig(variables, false)
  return 'problems' in read
    ? read.problems.map(({ variable, problem }) => `${variable} ${problem}`).join('\n')
    : read.warnings.join('\n')
}

const key = 'a-key-that-is-long-enough'

for (const variable of ['SUMMARY_MODEL', 'CHAT_MODEL']) {
  // OpenRouter, NVIDIA, Groq and LiteLLM list models whose names begin with another upstream's
  for (const set of [
    { OPENROUTER_API_KEY: key },
    { NVIDIA_API_KEY: key },
    { GROQ_API_KEY: key },
    { UPSTREAM_LAB_URL: 'http://127.0.0.1:1/v1' },
    { OPENAI_API_KEY: key, OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' },
  ])
    test(`${variable} may be another maker’s model, which ${Object.keys(set).at(-1)} may list`, () => {
      expect(findingsOf({ ...set, [variable]: 'deepseek/a-chat' })).toBe('')
    })

  for (const model of ['groq/a', 'Groq/a', 'cto/a', 'ollama/a'])
    test(`${variable} may not be ${model} if only OpenAI and Cohere are configured`, () => {
      const set = { OPENAI_API_KEY: key, COHERE_TOKEN: key, [variable]: model }
      expect(findingsOf(set)).toBe(`${variable} names a model that no configured upstream has`)
    })

  test(`${variable} causes a warning if it is a model for embeddings`, () => {
    expect(findingsOf({ MISTRAL_TOKEN: key, [variable]: 'mistral/mistral-embed' })).toStartWith(
      `${variable} names a model that seems to be for embedding`,
    )
  })
}
