import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { AnswerBlock } from '../../src/providers/anthropic/emulator/answer.ts'
import { type AnthropicEmulator, emulateAnthropic, streamOf } from '../../src/providers/anthropic/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { build, type Running, start } from '../e2e/program.ts'
import { install } from './install.ts'
import { runCodex } from './run-codex.ts'

// The real Codex CLI works through the executable, with Anthropic as the upstream: signed thinking goes on after tool calls.

const signature = 'Rmlyc3Qtc2lnbmF0dXJl'
let service: AnthropicEmulator
let gateway: Running
/** Scripts for the next requests. */
const scripts: Script[] = []

beforeAll(async () => {
  const [installed] = await Promise.all([install(), build()])
  expect(installed).toBe(0)
  service = await emulateAnthropic({ signatures: [signature], reply: () => scripts.shift() })
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

function says(...content: readonly AnswerBlock[]): Script {
  const stop_reason = content.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn'
  return {
    body: streamOf({ model: 'claude-test', content, stop_reason, usage: { input_tokens: 900, output_tokens: 9 } }),
  }
}

const thinking: AnswerBlock = { type: 'thinking', thinking: 'I need both.', signature }
const redacted: AnswerBlock = { type: 'redacted_thinking', data: 'RXhhbXBsZS1kYXRh' }
const run = (id: string, cmd: string): AnswerBlock => ({ type: 'tool_use', id, name: 'exec_command', input: { cmd } })

test('a turn with two calls at once and one more, after signed and hidden thinking', async () => {
  scripts.push(
    says(thinking, redacted, run('toolu_1', 'cat one.txt'), run('toolu_2', 'echo two')),
    says(thinking, run('toolu_3', 'echo three')),
    says({ type: 'text', text: 'All ran.' }),
  )
  const settings = ['model_reasoning_effort = "high"']
  const { said, printed } = await runCodex({
    prompt: 'Run all.',
    url: gateway.url,
    model: 'anthropic/claude-test',
    settings,
  })
  expect({ said, printed: said === '' ? printed : '' }).toEqual({ said: 'All ran.', printed: '' })
  const [first, second, third, ...more] = service.chats
  expect(more).toEqual([])
  for (const asked of [first, second, third]) expect(asked?.thinking).toMatchObject({ type: 'enabled' })
  const typesOf = (asked = third) =>
    asked?.messages.flatMap(({ role, content }) =>
      role === 'assistant' && Array.isArray(content) ? [content.map(({ type }) => type)] : [],
    )
  const begun = ['thinking', 'redacted_thinking', 'tool_use', 'tool_use']
  expect(typesOf(second)).toEqual([begun])
  expect(typesOf(third)).toEqual([begun, ['thinking', 'tool_use']])
}, 120_000)
