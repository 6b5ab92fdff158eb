import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { AnswerBlock } from '../../src/providers/anthropic/emulator/answer.ts'
import {
  type AnthropicEmulator,
  emulateAnthropic,
  errorOf,
  streamOf,
} from '../../src/providers/anthropic/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { build, type Running, start } from '../e2e/program.ts'
import { install } from './install.ts'
import { runClaudeCode } from './run-claude-code.ts'

// The real Claude Code works through the executable, with Anthropic as the upstream: what it sends arrives as it was.

const signature = 'Rmlyc3Qtc2lnbmF0dXJl'
let service: AnthropicEmulator
let gateway: Running
/** Scripts for the next requests that offer tools. */
const scripts: Script[] = []

beforeAll(async () => {
  const [installed] = await Promise.all([install(), build()])
  expect(installed).toBe(0)
  service = await emulateAnthropic({
    signatures: [signature],
    reply: ({ tools }) => (tools ? scripts.shift() : undefined),
  })
  gateway = await start({
    ANTHROPIC_BASE_URL: service.origin,
    ANTHROPIC_API_KEY: 'sk-upstream',
    ANTHROPIC_MODELS: 'claude-test',
  })
}, 180_000)
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await service.close()
})

/** Runs a prompt. @returns the last line of the output, and the bodies of its requests with tools */
async function work(prompt: string) {
  const before = service.chats.length
  const result = await runClaudeCode({ prompt, url: gateway.url, model: 'anthropic/claude-test' })
  return { result, asked: service.chats.slice(before).filter(({ tools }) => tools !== undefined) }
}

function says(...content: readonly AnswerBlock[]): Script {
  const stop_reason = content.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn'
  return {
    body: streamOf({ model: 'claude-test', content, stop_reason, usage: { input_tokens: 900, output_tokens: 9 } }),
  }
}

const text = (words: string): AnswerBlock => ({ type: 'text', text: words })
const thinking: AnswerBlock = { type: 'thinking', thinking: 'I need both files.', signature }
const read = (name: string): AnswerBlock => {
  return { type: 'tool_use', id: `toolu_${name}`, name: 'Read', input: { file_path: `${name}.txt` } }
}

test('a turn with two tool calls at once, after signed thinking', async () => {
  scripts.push(says(thinking, read('one'), read('two')), says(text('Both files are read.')))
  const { result, asked } = await work('Read both files.')
  expect(result).toMatchObject({ is_error: false, result: 'Both files are read.' })
  expect(result.usage.input_tokens).toBe(1_800)
  expect(asked).toHaveLength(2)
  const [first, second] = asked
  expect(second?.messages).toContainEqual({ role: 'assistant', content: [thinking, read('one'), read('two')] })
  const results = ['one', 'two'].map((name) => {
    const content = expect.stringContaining(`This is ${name}.`)
    return expect.objectContaining({ type: 'tool_result', tool_use_id: `toolu_${name}`, content })
  })
  expect(second?.messages).toContainEqual(expect.objectContaining({ content: expect.arrayContaining(results) }))
  // its own marks, thinking and betas arrive
  expect(JSON.stringify(first?.system)).toContain('"cache_control":{"type":"ephemeral"')
  expect(first?.thinking).toMatchObject({ type: 'adaptive' })
  expect(service.requests.at(-1)?.headers.get('anthropic-beta')).toContain('claude-code-')
}, 120_000)

test('an upstream that is overloaded for a moment is asked again', async () => {
  const overloaded = {
    status: 529,
    headers: { 'content-type': 'application/json' },
    body: [JSON.stringify(errorOf('overloaded_error', 'Overloaded'))],
  }
  scripts.push(overloaded, overloaded, says(text('Here I am.')))
  const { result } = await work('Say something.')
  expect(result).toMatchObject({ is_error: false, result: 'Here I am.' })
}, 120_000)
