/**
 * P29: `bun run soak [MINUTES]` asks the executable 50 times a second, with 5 % faults of the upstream and 5 % clients that leave, and
 * prints how its memory and its descriptors develop. It is no test, because it takes 20 minutes; a failure that no fault explains, or
 * growth, makes the exit code 1.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { type EmulatedChat, emulateOpenai, frame } from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { build, command, emptyFolder } from '../e2e/program.ts'

const minutes = Number(process.argv[2] ?? 20)
const requestsPerSecond = 50
/** The share of the run after which growth counts: until then the heap finds its size. */
const warmUp = 0.3
/** Bytes an hour, and descriptors over those of the first minutes, that are no growth. Streams that run make up the second. */
const maxSlope = 0.5 * 1024 * 1024
const maxExtraDescriptors = 40

const words = Array.from({ length: 40 }, (_, at) => `word${at} `)
const whole = words.join('')
const delta = (content: string) => frame({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })
const stop = frame({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })
const streamed = [...words.map(delta), stop, 'data: [DONE]\n\n']
const completed = JSON.stringify({
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: whole }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 5, completion_tokens: 40, total_tokens: 45 },
})

const faults: Readonly<Record<string, Script>> = {
  status: { status: 500, body: ['{"error":{"message":"broken"}}'], headers: { 'content-type': 'application/json' } },
  unanswered: { framing: 'raw', ending: 'rst' },
  cut: { body: streamed.slice(0, 20), ending: 'rst', endDelayMs: 5 },
  finished: { body: streamed.slice(0, 20), ending: 'fin', endDelayMs: 5 },
  garbage: { body: [...streamed.slice(0, 10), 'data: {"choices": [{"del\n\n'], ending: 'end' },
  page: { body: ['<html><body>Bad gateway</body></html>'], status: 502, headers: { 'content-type': 'text/html' } },
}
const faultNames = Object.keys(faults)

function reply({ messages, stream }: EmulatedChat): Script {
  const name = /fault:(\w+)/.exec(JSON.stringify(messages[0]))?.[1]
  const fault = name === undefined ? undefined : faults[name]
  if (fault) return fault
  if (!stream) return { body: [completed], framing: 'length', length: Buffer.byteLength(completed), headers: json }
  return { body: streamed, paceMs: 2 }
}

const json = { 'content-type': 'application/json' }
const paths = [
  { path: '/v1/chat/completions', stream: false, end: '"finish_reason":"stop"' },
  { path: '/v1/chat/completions', stream: true, end: '[DONE]' },
  { path: '/v1/messages', stream: true, end: 'message_stop' },
  { path: '/v1/responses', stream: true, end: 'response.completed' },
] as const

const counts = { asked: 0, whole: 0, failed: 0, left: 0, wrong: 0 }
const wrongs: string[] = []

/** Asks once. An answer that looks complete must be whole, and without a fault it must be complete. */
async function askOnce(url: string, number: number): Promise<void> {
  const { path, stream, end } = paths[number % paths.length] ?? paths[0]
  const kind = Math.random()
  const fault = kind < 0.05 ? `fault:${faultNames[number % faultNames.length]}` : ''
  const leaves = kind > 0.95
  const content = `${fault} question ${number}`
  const asked =
    path === '/v1/responses'
      ? { input: content, store: false }
      : { messages: [{ role: 'user', content }], max_tokens: 999 }
  const controller = new AbortController()
  if (leaves) setTimeout(() => controller.abort(), Math.random() * 60)
  counts.asked++
  try {
    const body = JSON.stringify({ model: 'lab/gpt-test', stream, ...asked })
    const init = { method: 'POST', headers: json, body, signal: controller.signal }
    const response = await fetch(`${url}${path}`, init)
    const text = await response.text()
    const isComplete = response.ok && text.includes(end)
    if (isComplete && words.every((word) => text.includes(word.trim()))) counts.whole++
    // five faults in a row eject the upstream for a moment
    else if (text.includes('failed several times in a row')) counts.failed++
    else if (isComplete || fault === '') throw new Error(`${response.status} ${text.slice(-300)}`)
    else counts.failed++
  } catch (thrown) {
    if (controller.signal.aborted) counts.left++
    else {
      counts.wrong++
      if (wrongs.length < 5) wrongs.push(`${path} ${fault}: ${thrown}`)
    }
  }
}

interface Sample {
  readonly hours: number
  readonly rss: number
  readonly descriptors: number
}

function sample(pid: number, startedAt: number): Sample {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return {
    hours: (performance.now() - startedAt) / 3_600_000,
    rss: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  }
}

/** The slope of the line with the least squares, for an hour. */
function slopeOf(samples: readonly Sample[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [hours, rss] = [mean(samples.map((one) => one.hours)), mean(samples.map((one) => one.rss))]
  const above = samples.reduce((sum, one) => sum + (one.hours - hours) * (one.rss - rss), 0)
  return above / samples.reduce((sum, one) => sum + (one.hours - hours) ** 2, 0)
}

await build()
const emulator = await emulateOpenai({ reply })
await using folder = await emptyFolder()
const env = { PATH: process.env.PATH ?? '', HOME: folder.path, PORT: '0', UPSTREAM_LAB_URL: emulator.url }
const program = Bun.spawn([...command], { cwd: folder.path, env, stdout: 'pipe', stderr: 'inherit' })
const output = program.stdout.pipeThrough(new TextDecoderStream()).getReader()
const url = /http:\/\/[\d.:]+/.exec((await output.read()).value ?? '')?.[0] ?? ''
void (async () => {
  while (!(await output.read()).done) {
    // the log must be read, or it fills its pipe
  }
})()

const startedAt = performance.now()
const samples: Sample[] = []
let isOver = false
const running = new Set<Promise<void>>()
for (let number = 0; !isOver; number++) {
  const dueAt = startedAt + (number * 1000) / requestsPerSecond
  await Bun.sleep(Math.max(0, dueAt - performance.now()))
  const asking = askOnce(url, number)
  running.add(asking)
  void asking.finally(() => running.delete(asking))
  if (number % (10 * requestsPerSecond) === 0) samples.push(sample(program.pid, startedAt))
  isOver = performance.now() - startedAt > minutes * 60_000
}
await Promise.all(running)
const [before = 0, after = 0] = [samples.at(1)?.descriptors, sample(program.pid, startedAt).descriptors]
const late = samples.filter(({ hours }) => hours * 60 > warmUp * minutes)
const slope = slopeOf(late)
program.kill()
const code = await program.exited
await emulator.close()
const mib = (bytes: number) => (bytes / 1024 / 1024).toFixed(2)
console.log(JSON.stringify(counts), ...wrongs)
console.log(`RSS: ${samples.map(({ rss }) => (rss / 1024 / 1024).toFixed(0)).join(' ')} MiB`)
console.log(
  `slope ${mib(slope)} MiB an hour after ${warmUp * minutes} min; descriptors ${before} → ${after}; exit ${code}`,
)
process.exit(counts.wrong > 0 || slope > maxSlope || after > before + maxExtraDescriptors || code !== 0 ? 1 : 0)
