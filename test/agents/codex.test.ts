import { afterAll, beforeAll, expect, test } from 'bun:test'
import { emulateOpenai, type OpenaiEmulator } from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { build, type Running, start } from '../e2e/program.ts'
import { install } from './install.ts'
import { runCodex } from './run-codex.ts'
import { calls, chunk, says } from './scripts.ts'

// The real Codex CLI works through the executable, with an upstream that speaks only Chat Completions.

let openai: OpenaiEmulator
let gateway: Running
/** Scripts for the next requests. */
const scripts: Script[] = []

beforeAll(async () => {
  const [installed] = await Promise.all([install(), build()])
  expect(installed).toBe(0)
  openai = await emulateOpenai({ models: ['gpt-test', 'gpt-5.5'], reply: () => scripts.shift() })
  gateway = await start({ OPENAI_BASE_URL: openai.url, OPENAI_API_KEY: 'sk-upstream' })
}, 180_000)
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await openai.close()
})

interface Work {
  readonly model?: string
}

/** Runs a prompt. @returns its last message, everything that it printed, and the bodies of its requests */
async function work(prompt: string, { model = 'openai/gpt-test' }: Work = {}) {
  const before = openai.chats.length
  const ended = await runCodex({ prompt, url: gateway.url, model })
  return { ...ended, asked: openai.chats.slice(before) }
}

test('a turn with two tool calls at once, after reasoning', async () => {
  scripts.push(
    calls(['exec_command', { cmd: 'cat one.txt' }], ['exec_command', { cmd: 'echo two' }]),
    says('Both ', 'ran.'),
  )
  const { said, asked, printed } = await work('Run both.')
  expect({ said, printed: said === '' ? printed : '' }).toEqual({ said: 'Both ran.', printed: '' })
  expect(asked).toHaveLength(2)
  const messages = asked[1]?.messages
  expect(messages).toContainEqual(
    expect.objectContaining({
      role: 'assistant',
      tool_calls: [expect.objectContaining({ id: 'call_0' }), expect.objectContaining({ id: 'call_1' })],
    }),
  )
  expect(messages).toContainEqual(
    expect.objectContaining({ role: 'tool', tool_call_id: 'call_0', content: expect.stringContaining('This is one.') }),
  )
  // what is sent is the same from turn to turn, so that an upstream's prompt cache is used
  expect(JSON.stringify(messages)).toStartWith(JSON.stringify(asked[0]?.messages).slice(0, -1))
  expect(asked[1]?.tools).toEqual(asked[0]?.tools)
}, 120_000)

test('a tool of a namespace is called by its own name', async () => {
  scripts.push(calls(['multi_agent_v1__close_agent', { target: 'nobody' }]), says('Closed.'))
  const { said, printed } = await work('Close it.')
  expect(said).toBe('Closed.')
  expect(printed).not.toContain('unsupported call')
}, 120_000)

test('apply_patch, which takes a text, changes a file', async () => {
  const patch = '*** Begin Patch\n*** Update File: one.txt\n@@\n-This is one.\n+This is two.\n*** End Patch'
  scripts.push(
    calls(['apply_patch', { input: patch }]),
    calls(['exec_command', { cmd: 'cat one.txt' }]),
    says('Patched.'),
  )
  const { said, asked } = await work('Patch it.', { model: 'gpt-5.5' })
  expect(said).toBe('Patched.')
  expect(asked.at(-1)?.messages).toContainEqual(
    expect.objectContaining({ role: 'tool', content: expect.stringContaining('This is two.') }),
  )
}, 120_000)

test('an answer that breaks off is asked for again', async () => {
  scripts.push(
    { body: [chunk({ role: 'assistant', content: 'Half an ' })], ending: 'rst', endDelayMs: 20 },
    says('A whole answer.'),
  )
  const { said, asked } = await work('Say something.')
  expect(said).toBe('A whole answer.')
  expect(asked).toHaveLength(2)
}, 120_000)

test('its own provider compacts the conversation to a sealed summary', async () => {
  scripts.push(calls(['exec_command', { cmd: 'cat one.txt' }]), says('Someone ', 'read one.txt.'), says('Done.'))
  const before = openai.chats.length
  const settings = ['model_auto_compact_token_limit = 500']
  const { said, printed } = await runCodex({
    ...{ prompt: 'Read it.', url: gateway.url, model: 'openai/gpt-test' },
    ...{ settings, provider: 'openai' },
  })
  expect(said).toBe('Done.')
  expect(printed).toContain('context compacted')
  const [, compacting, after] = openai.chats.slice(before)
  expect(compacting?.messages).toContainEqual({ role: 'user', content: expect.stringContaining('Write a summary') })
  expect(after?.messages).toContainEqual({
    role: 'developer',
    content: expect.stringContaining('Someone read one.txt.'),
  })
}, 120_000)
