import { afterAll, beforeAll, expect, test } from 'bun:test'
import { emulateOpenai, type OpenaiEmulator } from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { build, type Running, start } from '../e2e/program.ts'
import { install } from './install.ts'
import { runClaudeCode } from './run-claude-code.ts'
import { calls, chunk, says } from './scripts.ts'

// The real Claude Code works through the executable, with an upstream that speaks only Chat Completions.

let openai: OpenaiEmulator
let gateway: Running
/** Scripts for the next requests that offer tools. */
const scripts: Script[] = []

beforeAll(async () => {
  const [installed] = await Promise.all([install(), build()])
  expect(installed).toBe(0)
  openai = await emulateOpenai({ reply: ({ tools }) => (tools ? scripts.shift() : undefined) })
  gateway = await start({ OPENAI_BASE_URL: openai.url, OPENAI_API_KEY: 'sk-upstream' })
}, 180_000)
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await openai.close()
})

/** Runs a prompt in a folder with two files. @returns the last line of its output, and the bodies of its requests with tools */
async function work(prompt: string) {
  const before = openai.chats.length
  const result = await runClaudeCode({ prompt, url: gateway.url, model: 'openai/gpt-test' })
  return { result, asked: openai.chats.slice(before).filter(({ tools }) => tools !== undefined) }
}

test('a turn with two tool calls at once, after reasoning', async () => {
  // the names come relative, because the folder is not known yet
  const reads = calls(['Read', { file_path: 'one.txt' }], ['Read', { file_path: 'two.txt' }])
  scripts.push(reads, says('Both files ', 'are read.'))
  const { result, asked } = await work('Read both files.')
  expect(result).toMatchObject({ is_error: false, result: 'Both files are read.', num_turns: 3 })
  expect(result.usage.input_tokens).toBe(1_800)
  expect(asked).toHaveLength(2)
  const messages = asked[1]?.messages
  expect(messages).toContainEqual(
    expect.objectContaining({
      role: 'assistant',
      tool_calls: [expect.objectContaining({ id: 'call_0' }), expect.objectContaining({ id: 'call_1' })],
    }),
  )
  for (const [at, name] of ['one', 'two'].entries())
    expect(messages).toContainEqual(
      expect.objectContaining({
        role: 'tool',
        tool_call_id: `call_${at}`,
        content: expect.stringContaining(`This is ${name}.`),
      }),
    )
  // what is sent is the same from turn to turn, so that an upstream's prompt cache is used
  expect(JSON.stringify(messages)).toStartWith(JSON.stringify(asked[0]?.messages).slice(0, 1_000))
  expect(asked[1]?.tools).toEqual(asked[0]?.tools)
}, 120_000)

test('an answer that breaks off is asked for again, and no text is doubled', async () => {
  scripts.push(
    { body: [chunk({ role: 'assistant', content: 'Half an ' })], ending: 'rst', endDelayMs: 20 },
    says('A whole answer.'),
  )
  const { result, asked } = await work('Say something.')
  expect(result).toMatchObject({ is_error: false, result: 'A whole answer.' })
  expect(asked).toHaveLength(2)
}, 120_000)

test('an upstream that is overloaded for a moment is asked again', async () => {
  const overloaded = {
    status: 503,
    headers: { 'content-type': 'application/json' },
    body: ['{"error":{"message":"Overloaded."}}'],
  }
  scripts.push(overloaded, overloaded, overloaded, says('Here I am.'))
  const { result } = await work('Say something.')
  expect(result).toMatchObject({ is_error: false, result: 'Here I am.' })
}, 120_000)
