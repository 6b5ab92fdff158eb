import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { build, type Running, start } from '../e2e/program.ts'
import { install } from './install.ts'
import { runClaudeCode } from './run-claude-code.ts'
import { runCodex } from './run-codex.ts'
import { callsOf, type TextServices, textServices } from './text-only.ts'

// The real agents work with models that have no tools: a server that takes only text, and two products for people.

let services: TextServices
let gateway: Running

beforeAll(async () => {
  const [installed] = await Promise.all([install(), build()])
  expect(installed).toBe(0)
  services = await textServices()
  gateway = await start(services.variables)
}, 180_000)
beforeEach(() => services.answers.splice(0))
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await services.close()
})

const models = { lab: 'lab/text', cto: 'cto/GPT5', langfast: 'langfast/gpt-4o-mini' } as const
const all = ['lab', 'cto', 'langfast'] as const

for (const service of all)
  test(`Claude Code makes two tool calls at once: ${service}`, async () => {
    const before = services.prompts[service].length
    const reads = callsOf(['Read', { file_path: 'one.txt' }], ['Read', { file_path: 'two.txt' }])
    services.answers.push(reads, () => 'Both files are read.')
    const result = await runClaudeCode({ prompt: 'Read both files.', url: gateway.url, model: models[service] })
    expect(result).toMatchObject({ is_error: false, result: 'Both files are read.', num_turns: 3 })
    const prompts = services.prompts[service].slice(before)
    expect(prompts).toHaveLength(2)
    expect(prompts[1]).toContain('This is one.')
    expect(prompts[1]).toContain('This is two.')
    // only the service that keeps the conversation itself is not told of the tools again
    expect(prompts[1]?.includes('Read(')).toBe(service !== 'cto')
  }, 120_000)

for (const service of all)
  test(`Codex makes two tool calls at once: ${service}`, async () => {
    const before = services.prompts[service].length
    services.answers.push(
      callsOf(['exec_command', { cmd: 'cat one.txt' }], ['exec_command', { cmd: 'echo two' }]),
      () => 'Both ran.',
    )
    const { said, printed } = await runCodex({ prompt: 'Run both.', url: gateway.url, model: models[service] })
    expect({ said, printed: said === '' ? printed : '' }).toEqual({ said: 'Both ran.', printed: '' })
    const prompts = services.prompts[service].slice(before)
    expect(prompts).toHaveLength(2)
    expect(prompts[1]).toContain('This is one.')
  }, 120_000)

test("Codex's apply_patch, which takes a text, changes a file", async () => {
  // the model does not escape the line breaks
  const patch = '*** Begin Patch\n*** Update File: one.txt\n@@\n-This is one.\n+This is "two".\n*** End Patch'
  services.answers.push(
    (mark) => `<${mark}>\n{"name": "apply_patch", "arguments": {"input": "${patch}"}}\n</${mark}>`,
    callsOf(['exec_command', { cmd: 'cat one.txt' }]),
    () => 'Patched.',
  )
  const { said } = await runCodex({ prompt: 'Patch it.', url: gateway.url, model: 'gpt-5.5' })
  expect(said).toBe('Patched.')
  expect(services.prompts.lab.at(-1)).toContain('This is \\"two\\".')
}, 120_000)
