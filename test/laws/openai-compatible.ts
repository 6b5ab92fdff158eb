import { readFileSync } from 'node:fs'
import type { Account } from '../../src/accounts/account.ts'
import type { ChatRequest } from '../../src/chat/request.ts'
import { Secret } from '../../src/chat/secret.ts'
import { emulateOpenai, frame } from '../../src/providers/openai-compatible/emulator.ts'
import { openaiCompatible } from '../../src/providers/openai-compatible/upstream.ts'
import type { Script } from '../../src/wire/emulated-script.ts'
import type { Cut, Fixture, Framing, Reply, Rig } from './subject.ts'

const folder = new URL('../../src/providers/openai-compatible/fixtures/', import.meta.url)
const key = 'canary7f3a9c5e1b8d2064'
const utf8 = new TextEncoder()

const fixtures: readonly Fixture[] = [
  streamed('text', 1),
  streamed('tool-calls', 1),
  streamed('reasoning-usage', 1),
  streamed('two-choices', 2),
  streamed('done-only', 1),
  whole('whole'),
]

/** An emulated OpenAI server, and the provider asking it with a key. */
export async function startOpenaiCompatible(): Promise<Rig> {
  const scripts = new Map<string, Script>()
  const emulator = await emulateOpenai({ keys: [key], reply: ({ model }) => scripts.get(model) })
  const account: Account<Secret> = { label: 'KEY', credential: new Secret(key) }
  const upstream = openaiCompatible({ name: 'subject', url: emulator.url, accounts: [account], manyChoices: true })
  const plan = (script: Script, choices = 1, stream = true): ChatRequest => {
    const model = `plan-${scripts.size}`
    scripts.set(model, script)
    return request(model, choices, stream)
  }
  return {
    upstream,
    secrets: [key],
    fixtures,
    framings: ['chunked', 'length', 'close'],
    request(reply) {
      if (!reply) return request('gpt-test', 1, true)
      if (reply === 'silent') return plan({ framing: 'raw', ending: 'stall' })
      return plan(scriptOf(reply), reply.fixture.choices, reply.fixture.stream)
    },
    betrayals: () => betrayals.map((script) => plan(script)),
    flood: () => {
      let written = 0
      const endless = function* () {
        for (const text = utf8.encode(frame({ choices: [{ index: 0, delta: { content: 'x'.repeat(16_384) } }] })); ; ) {
          yield text
          written += text.byteLength
        }
      }
      return { request: plan({ body: endless() }), written: () => written }
    },
    openConnections: () => emulator.openConnections(),
    arrived: () => emulator.chats.length,
    close: () => emulator.close(),
  }
}

function request(model: string, choices: number, stream: boolean): ChatRequest {
  return {
    dialect: 'openai-chat',
    model,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }],
    parameters: choices > 1 ? { choices } : {},
    spelling: {},
    extra: {},
    stream,
  }
}

function scriptOf({
  fixture,
  framing,
  sent = fixture.bytes.byteLength,
  splits = [],
  ending = 'end',
  endDelayMs = 0,
}: Reply): Script {
  const bytes = fixture.bytes.subarray(0, sent)
  const edges = [0, ...splits.filter((at) => at > 0 && at < sent), sent]
  const parts = edges.slice(1).map((end, at) => bytes.subarray(edges[at], end))
  return {
    body: parts.filter((part) => part.byteLength > 0),
    framing,
    length: fixture.bytes.byteLength,
    ending,
    headers: { 'content-type': fixture.stream ? 'text/event-stream' : 'application/json' },
    endDelayMs,
    // splits have to arrive one by one
    ...(splits.length > 0 && { paceMs: 1 }),
  }
}

function read(file: string): string {
  return readFileSync(new URL(file, folder), 'utf8')
}

/** A stream ends with the last finish it owes, or with `[DONE]` where the upstream gives no finish at all. */
function streamed(name: string, choices: number): Fixture {
  const frames = read(`${name}.frames.txt`).trimEnd().split('\n')
  const lengths = frames.map((line) => utf8.encode(`data: ${line}\n\n`).byteLength)
  const marker = frames.findLastIndex((line) => line.includes('"finish_reason":"'))
  const to = lengths.slice(0, marker === -1 ? undefined : marker + 1).reduce((a, b) => a + b, 0)
  return {
    name,
    choices,
    stream: true,
    bytes: utf8.encode(frames.map((line) => `data: ${line}\n\n`).join('')),
    // the blank line is missing, but all of the event is there: every reader of SSE takes it
    endMarker: () => ({ from: to - 2, to }),
  }
}

/** A completion ends where its framing says so. */
function whole(name: string): Fixture {
  const text = read(`${name}.json`)
  const bytes = utf8.encode(text)
  const closing = utf8.encode(text.trimEnd()).byteLength
  const endMarker = (framing: Framing, cut: Cut) => {
    if (framing === 'length') return { from: bytes.byteLength, to: bytes.byteLength }
    // Bun's fetch takes even a reset for the end of a body that is delimited by close; a stall is no end
    if (framing === 'close' && cut !== 'stall')
      return { from: closing, to: cut === 'fin' ? bytes.byteLength : Number.POSITIVE_INFINITY }
    return { from: Number.POSITIVE_INFINITY, to: Number.POSITIVE_INFINITY }
  }
  return { name, choices: 1, stream: false, bytes, endMarker }
}

const json = { 'content-type': 'application/json' }
const complaint = { message: `Incorrect API key: ${key}`, type: key, code: key, param: `param.${key}` }

/** Every place where a careless upstream puts the key it was sent. */
const betrayals: readonly Script[] = [
  ...[400, 401, 403, 404, 413, 422, 429, 500, 503].map((status) => ({
    status,
    headers: json,
    body: [JSON.stringify({ error: complaint })],
  })),
  { status: 400, headers: json, body: [JSON.stringify({ error: { message: btoa(key), code: btoa(key) } })] },
  { status: 500, headers: { 'content-type': 'text/plain' }, body: [key] },
  { status: 502, headers: { 'content-type': 'text/html' }, body: [`<!doctype html><title>${key}</title>`] },
  { status: 302, headers: { location: `http://127.0.0.1/?key=${key}` } },
  { status: 429, headers: { ...json, 'retry-after': key, 'x-request-id': key }, body: ['{}'] },
  { body: [frame({ error: complaint })] },
  { body: [`event: error\ndata: ${JSON.stringify(complaint)}\n\n`] },
  { body: [`data: ${key}\n\n`] },
  { body: [frame({ choices: key })] },
  { headers: { 'content-type': 'text/html' }, body: [`<html>${key}</html>`] },
  { headers: json, body: [key] },
  { framing: 'raw', body: [`HTTP/1.1 200 ${key}\r\n${key}\r\n\r\n`], ending: 'fin' },
]
