/** The libraries that programs use work with the gateway as they are. Each is the released package, and asks over HTTP. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import {
  type EmulatedChat,
  emulateOpenai,
  frame,
  type OpenaiEmulator,
} from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { type RunningGateway, startGateway } from '../chaos/gateway.ts'
import { hasPython, installPython, runPython } from '../python/python.ts'
import { within } from '../waiting.ts'

let lab: OpenaiEmulator
let gateway: RunningGateway
beforeAll(async () => {
  lab = await emulateOpenai({ models: ['m'], reply })
  gateway = startGateway({ UPSTREAM_LAB_URL: lab.url })
})
afterAll(async () => {
  await gateway.close()
  await lab.close()
})

/** Answers a schema, a forced call, and the question what was said. The emulator answers all else. */
function reply({ messages, response_format, tool_choice, tools, stream }: EmulatedChat): Script | undefined {
  const last = messages.at(-1)
  if (response_format) return says('{"city":"Paris"}', stream)
  if (tool_choice === 'required' && last?.role === 'user') return calls(tools?.at(-1)?.function?.name ?? '', stream)
  if (textOf(last?.content) !== 'count') return undefined
  return says(messages.map(({ role, content }) => `${role}: ${textOf(content)}`).join(', '), stream)
}

function textOf(content: unknown): string {
  return Array.isArray(content) ? content.map(({ text }) => text).join('') : String(content)
}

const json = { 'content-type': 'application/json' }
const usage = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 }

function says(content: string, stream: boolean | undefined): Script {
  return answer({ role: 'assistant', content }, 'stop', stream)
}

function calls(name: string, stream: boolean | undefined): Script {
  const call = { index: 0, id: 'call_1', type: 'function', function: { name, arguments: '{"city":"Paris"}' } }
  return answer({ role: 'assistant', content: null, tool_calls: [call] }, 'tool_calls', stream)
}

function answer(message: object, finish_reason: string, stream: boolean | undefined): Script {
  const head = { id: 'c', created: 1, model: 'm' }
  const choice = { index: 0, finish_reason }
  if (!stream) return { headers: json, body: [JSON.stringify({ ...head, choices: [{ ...choice, message }], usage })] }
  return { body: [frame({ ...head, choices: [{ ...choice, delta: message }], usage }), 'data: [DONE]\n\n'] }
}

/** Installs the packages and runs their programs. @returns an error, or nothing, for each check */
async function runPrograms(): Promise<Readonly<Record<string, string | null>>> {
  const install = Bun.spawn([process.execPath, 'install', '--frozen-lockfile'], {
    cwd: import.meta.dir,
    stdout: 'ignore',
    stderr: 'ignore',
  })
  expect(await install.exited).toBe(0)
  const child = Bun.spawn([process.execPath, join(import.meta.dir, 'programs/run.ts'), gateway.url], {
    env: { PATH: process.env.PATH ?? '' },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  try {
    const printed = Promise.all([child.stdout.text(), child.stderr.text()])
    const [text, faults] = await within(printed, 60_000, 'the end of the programs')
    if (!text.startsWith('{')) throw new Error(text + faults)
    return JSON.parse(text)
  } finally {
    child.kill('SIGKILL')
  }
}

const faultsIn = (checks: Readonly<Record<string, string | null>>) =>
  Object.fromEntries(Object.entries(checks).filter(([, fault]) => fault !== null))

test('the AI SDK, the Agents SDK and LangChain: answers, streams, tools, schemas, turns, embeddings', async () => {
  const checks = await runPrograms()
  expect(faultsIn(checks)).toEqual({})
  expect(Object.keys(checks).length).toBeGreaterThan(40)
}, 180_000)

test.skipIf(!hasPython)(
  'the Python libraries of OpenAI and Anthropic: the same',
  async () => {
    await installPython()
    const checks = JSON.parse(await runPython('official_clients.py', JSON.stringify({ url: gateway.url })))
    expect(faultsIn(checks)).toEqual({})
    expect(Object.keys(checks).length).toBeGreaterThan(15)
  },
  600_000,
)
