/** Every answer and event of `/v1/responses` is what Open Responses' own types accept. Source: `openresponses-types` (PyPI) */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import { emulateOpenai, frame } from '../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../src/wire/emulator/script.ts'
import { SseDecoder } from '../src/wire/sse.ts'
import { startGateway } from './chaos/gateway.ts'
import { hasPython, installPython, runPython } from './python/python.ts'
import { runs } from './sizes.ts'

const emulator = await emulateOpenai()
const gateway = startGateway({ UPSTREAM_LAB_URL: emulator.url })
afterAll(async () => {
  await gateway.close()
  await emulator.close()
})

const tools = [
  { type: 'function', name: 'weather', parameters: { type: 'object' } },
  { type: 'custom', name: 'patch' },
  { type: 'namespace', name: 'agents', tools: [{ type: 'function', name: 'close' }] },
]
const names = ['weather', 'patch', 'agents__close', 'unknown']
const delta = (members: object, finish_reason: string | null = null) =>
  frame({ choices: [{ index: 0, delta: members, finish_reason }] })

const words = fc
  .tuple(fc.constantFrom('content', 'reasoning_content', 'refusal'), fc.string({ minLength: 1, maxLength: 5 }))
  .map(([kind, text]) => [delta({ [kind]: text })])
const call = fc
  .tuple(fc.constantFrom(...names), fc.constantFrom('{}', '{"input":"x"}', '{"cut'))
  .map(([name, json]) => ({ name, json }))
const reasons = ['stop', 'length', 'content_filter', 'tool_calls']

/** An upstream's answer: words of any kind, then calls, then an end or a cut. */
const anyScript: fc.Arbitrary<Script> = fc
  .record({
    words: fc.array(words, { maxLength: 6 }),
    calls: fc.array(call, { maxLength: 3 }),
    reason: fc.constantFrom(...reasons, undefined),
    usage: fc.boolean(),
  })
  .map(({ words: said, calls, reason, usage }): Script => {
    const called = calls.map(({ name, json }, index) =>
      delta({ tool_calls: [{ index, id: `call_${index}`, type: 'function', function: { name, arguments: json } }] }),
    )
    const body = [delta({ role: 'assistant' }), ...said.flat(), ...called]
    if (reason === undefined) return { body: [...body, delta({ content: 'x' })], ending: 'rst', endDelayMs: 20 }
    const counted = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
    const end = [delta({}, reason), ...(usage ? [frame({ choices: [], usage: counted })] : []), 'data: [DONE]\n\n']
    return { body: [...body, ...end] }
  })

const settings = [
  {},
  { temperature: 0.3, top_p: 0.5, max_output_tokens: 99, metadata: { a: 'b' }, user: 'ann', instructions: 'Be brief.' },
  { reasoning: { effort: 'low', summary: 'auto' }, include: ['reasoning.encrypted_content'], store: false },
  { text: { format: { type: 'json_schema', name: 'n', schema: { type: 'object' } }, verbosity: 'low' } },
  { tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'weather' }] } },
]

async function send(path: string, body?: object): Promise<Response> {
  return fetch(`${gateway.url}/v1/responses${path}`, {
    ...(body && { method: 'POST', body: JSON.stringify({ model: 'lab/gpt-test', input: 'hi', tools, ...body }) }),
    headers: { 'content-type': 'application/json' },
  })
}

/** The JSON of each event. */
async function eventsIn(response: Response): Promise<readonly string[]> {
  const decoder = new SseDecoder()
  const frames = [...(decoder.push(new Uint8Array(await response.arrayBuffer())) ?? []), ...(decoder.end() ?? [])]
  return frames.map(({ data }) => data).filter((data) => data !== '[DONE]')
}

/** Every value that the gateway sends for an answer of the upstream: whole, streamed, and made in the background. */
async function valuesOf(script: Script, asked: object): Promise<readonly string[]> {
  const values: string[] = []
  emulator.script(script)
  const whole = await send('', asked)
  if (whole.ok) values.push(await whole.text())
  emulator.script(script)
  const streamed = await send('', { ...asked, stream: true })
  if (streamed.ok) values.push(...(await eventsIn(streamed)))
  if ('store' in asked) return values
  emulator.script(script)
  const queued = await (await send('', { ...asked, background: true })).text()
  const { id } = JSON.parse(queued)
  const replayed = await eventsIn(await send(`/${id}?stream=true`))
  return [...values, queued, ...replayed, await (await send(`/${id}`)).text()]
}

const generated = Math.min(200, runs(60))

if (hasPython) {
  beforeAll(installPython, 600_000)
  test('each is accepted, over generated answers', async () => {
    const values: string[] = []
    for (const [at, script] of fc.sample(anyScript, { numRuns: generated, seed: 7 }).entries())
      values.push(...(await valuesOf(script, settings[at % settings.length] ?? {})))
    const summary = await (await send('/compact', {})).text()
    values.push(
      summary,
      ...(await eventsIn(
        await send('', { input: [{ role: 'user', content: 'hi' }, { type: 'compaction_trigger' }], stream: true }),
      )),
    )
    expect(new Set(values.map((value) => JSON.parse(value).type)).size).toBeGreaterThan(20)
    // a value that they must refuse shows that they look
    const broken = JSON.stringify({ ...JSON.parse(values[0] ?? '{}'), status: 5 })
    const found = (await runPython('check_responses.py', [...values, broken].join('\n'))).trim().split('\n')
    const faults = found.map((line) => JSON.parse(line))
    expect(faults.slice(0, -1).map(({ number, fault }) => ({ fault, value: values[number] }))).toEqual([])
    expect(faults.at(-1)?.number).toBe(values.length)
  }, 120_000)
} else test.skip('Open Responses’ types need python3, which is not installed', () => undefined)
