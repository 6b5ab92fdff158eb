import { expect, test } from 'bun:test'
import { keyVariable } from '../../../../connect/client.ts'
import { shellQuote } from '../../../../connect/quoting.ts'
import { curlOf, messagesIn, printableJson } from './curl.ts'

const origin = 'http://127.0.0.1:3000'

/** Runs a script in the machine's own shell, where `curl` writes its arguments. @returns what it was called with */
function argumentsIn(command: string): readonly string[] {
  const script = `curl() { for one in "$@"; do printf '%s\\0' "$one"; done; }\n${command}`
  const { stdout, exitCode } = Bun.spawnSync(['sh', '-eu', '-c', script], {
    env: { [keyVariable]: 'sk-of-the-test', HOME: '/root' },
  })
  expect(exitCode).toBe(0)
  return stdout.toString().split('\0').slice(0, -1)
}

const hostile = [
  "it's",
  "'; touch /tmp/owned; '",
  '$(touch /tmp/owned) `id` $HOME !! ~ *',
  '\\',
  "\\'",
  "''''",
  '"double"',
  'new\nline and \t tab',
  '-d @/etc/passwd',
  '中文 ✨ 𝕏',
  '\u202Eright to left\u202C',
  '\u001b]0;title\u0007\u001b[2J',
  '',
]

for (const text of hostile)
  test(`a shell reads ${JSON.stringify(text)} as it is`, () => {
    expect(argumentsIn(`curl ${shellQuote(text)}`)).toEqual([text])
  })

for (const model of hostile)
  test(`the command asks for the model ${JSON.stringify(model)}`, () => {
    const sent = argumentsIn(curlOf(origin, { task: 'chat', model }) ?? '')
    expect(sent.slice(0, -1)).toEqual([
      `${origin}/v1/chat/completions`,
      '-H',
      'Authorization: Bearer sk-of-the-test',
      '-H',
      'Content-Type: application/json',
      '-d',
    ])
    expect(JSON.parse(sent.at(-1) ?? '')).toEqual({
      model,
      messages: [{ role: 'user', content: 'Say hello in one sentence.' }],
    })
  })

test('a command has no character that a terminal obeys or that turns the direction of text', () => {
  const command = curlOf(origin, { task: 'chat', model: `${hostile.join('')}\u0085\u200b\u2028\ufeff` })
  expect(command?.replaceAll('\n', '')).not.toMatch(/[\p{C}\u2028]/u)
  expect(JSON.parse(printableJson('\u{e0001}\u202e'))).toBe('\u{e0001}\u202e')
})

test('a chat is repeated at the API that its client used', () => {
  const pathOf = (surface: string) => curlOf(origin, { task: 'chat', surface, model: 'm' })?.split("'")[1]
  expect(['openai', 'responses', 'anthropic', 'chat-server'].map(pathOf)).toEqual([
    `${origin}/v1/chat/completions`,
    `${origin}/v1/responses`,
    `${origin}/v1/messages`,
    `${origin}/v1/chat/completions`,
  ])
  expect(curlOf(origin, { task: 'embedding', surface: 'openai', model: 'm' })).toContain('/v1/embeddings')
})

const recorded = "[system]\nBe kind.\n\n[user]\nit's me\n\nreally\n\n[assistant]\nHello!\n\n[user]\n$(id)\n\n"

test('a recorded text is sent again in the form of its API', () => {
  const bodyOf = (surface: string): unknown =>
    JSON.parse(argumentsIn(curlOf(origin, { task: 'chat', surface, model: 'm', text: recorded }) ?? '').at(-1) ?? '')
  const talk = [
    { role: 'user', content: "it's me\n\nreally" },
    { role: 'assistant', content: 'Hello!' },
    { role: 'user', content: '$(id)' },
  ]
  const whole = [{ role: 'system', content: 'Be kind.' }, ...talk]
  expect(bodyOf('openai')).toEqual({ model: 'm', messages: whole })
  expect(bodyOf('responses')).toEqual({ model: 'm', input: whole })
  expect(bodyOf('anthropic')).toEqual({ model: 'm', max_tokens: 1_024, system: 'Be kind.', messages: talk })
})

test('a recorded text with calls of tools or images is not sent again', () => {
  for (const text of [
    '[user]\n[image]\n\n',
    '[user]\nx\n\n[assistant]\n\n[calls f]\n{}\n\n',
    '[tool]\nx\n\n',
    'no role',
    '',
  ])
    expect(messagesIn(text)).toBeUndefined()
})

test('a request with a file has no command', () => {
  expect(curlOf(origin, { task: 'transcription', model: 'm' })).toBeUndefined()
  expect(curlOf(origin, { task: 'constructor', model: 'm' })).toBeUndefined()
})
