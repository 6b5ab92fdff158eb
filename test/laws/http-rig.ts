import { readFileSync } from 'node:fs'
import type { ChatRequest } from '../../src/chat/request.ts'
import type { Batch } from '../../src/flow/flow.ts'
import type { Upstream } from '../../src/providers/provider.ts'
import type { HttpEmulator } from '../../src/wire/emulator/http.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import type { HttpReply } from '../../src/wire/http-reply.ts'
import { sseData } from '../../src/wire/sse.ts'
import { replyInMemory } from './in-memory.ts'
import type { Fixture, Reply, Rig } from './subject.ts'

/** The parts of a rig that differ between upstreams over HTTP. */
export interface HttpSubject {
  /** Starts the upstream and its emulator. The emulator answers each model with the script that `reply` returns. */
  start(reply: (model: string) => Script | undefined): Promise<{
    readonly emulator: HttpEmulator & { readonly chats: readonly unknown[] }
    readonly upstream: Upstream
  }>
  /** The credential that the upstream sends. */
  readonly key: string
  /** A model that the emulator answers without a script. */
  readonly model: string
  readonly fixtures: readonly Fixture[]
  /** Decodes a reply of this upstream. */
  decode(reply: HttpReply, fixture: Fixture): AsyncIterable<Batch>
  /** A part of an answer, as bytes of the wire. An endless answer repeats it. */
  readonly part: string
  /** Replies that reveal the key, in addition to `commonLeaks`. */
  readonly leaks: readonly Script[]
}

const utf8 = new TextEncoder()

/** Starts an emulator with its upstream, for all laws. */
export async function startHttpRig(subject: HttpSubject): Promise<Rig> {
  const { start, key, model, fixtures, part, leaks: own } = subject
  const scripts = new Map<string, Script>()
  const { emulator, upstream } = await start((asked) => scripts.get(asked))
  const plan = (script: Script, { choices, stream } = { choices: 1, stream: true }): ChatRequest => {
    const name = `plan-${scripts.size}`
    scripts.set(name, script)
    return requestFor(name, { choices, stream })
  }
  return {
    upstream,
    secrets: [key],
    fixtures,
    framings: ['chunked', 'length', 'close'],
    decode: (bytes) => subject.decode(replyInMemory(bytes), bytes.fixture),
    request(reply) {
      if (!reply) return requestFor(model)
      if (reply === 'silent') return plan({ framing: 'raw', ending: 'stall' })
      return plan(scriptOf(reply), reply.fixture)
    },
    leaks: () => [...commonLeaks(key), ...own].map((script) => plan(script)),
    flood: () => {
      let written = 0
      const endless = function* () {
        for (const bytes = utf8.encode(part); ; ) {
          yield bytes
          written += bytes.byteLength
        }
      }
      return { request: plan({ body: endless() }), written: () => written }
    },
    openConnections: () => emulator.openConnections(),
    arrived: () => emulator.chats.length,
    close: () => emulator.close(),
  }
}

/** Makes a request with one user message. */
export function requestFor(model: string, { choices, stream } = { choices: 1, stream: true }): ChatRequest {
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

/** How a streamed fixture is written on the wire. */
interface Wire {
  /** Whether a frame is the upstream's end marker. Each fixture has one. */
  isEnd(frame: string): boolean
  /** Writes a frame. The default is one `data:` field. */
  write?(frame: string): string
  readonly choices?: number
}

/** Reads `NAME.frames.txt` of a folder, which has a frame in each line. A stream ends with its end marker. */
export function streamedFixture(folder: URL, name: string, { isEnd, write = sseData, choices = 1 }: Wire): Fixture {
  const frames = readFileSync(new URL(`${name}.frames.txt`, folder), 'utf8')
    .trimEnd()
    .split('\n')
  const upToMarker = frames.slice(0, frames.findLastIndex(isEnd) + 1)
  if (upToMarker.length === 0) throw new Error(`${name} has no end marker`)
  const to = utf8.encode(upToMarker.map(write).join('')).byteLength
  return {
    name,
    choices,
    stream: true,
    bytes: utf8.encode(frames.map(write).join('')),
    // only the blank line is missing; SSE readers accept the event without it
    endMarker: () => ({ from: to - 2, to }),
  }
}

/** Makes a script that sends a reply byte for byte. */
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
    body: parts.filter((bytesOfPart) => bytesOfPart.byteLength > 0),
    framing,
    length: fixture.bytes.byteLength,
    ending,
    headers: { 'content-type': fixture.stream ? 'text/event-stream' : 'application/json' },
    endDelayMs,
    // the pause lets the parts arrive one by one
    ...(splits.length > 0 && { paceMs: 1 }),
  }
}

const json = { 'content-type': 'application/json' }

/** Replies in which a careless server of any kind reveals the key. */
export function commonLeaks(key: string): readonly Script[] {
  const complaint = { message: `Incorrect token: ${key}`, type: key, code: key, param: `param.${key}` }
  const bodies = [complaint, { error: complaint }, { error: key }, { detail: key }, [complaint], key]
  return [
    ...[400, 401, 403, 404, 422, 429, 500].flatMap((status) =>
      bodies.map((body) => ({ status, headers: json, body: [JSON.stringify(body)] })),
    ),
    { status: 500, headers: { 'content-type': 'text/plain' }, body: [key] },
    { status: 502, headers: { 'content-type': 'text/html' }, body: [`<!doctype html><title>${key}</title>`] },
    { status: 302, headers: { location: `http://127.0.0.1/?key=${key}` } },
    { status: 429, headers: { ...json, 'retry-after': key, 'x-request-id': key }, body: ['{}'] },
    { body: [sseData(JSON.stringify({ error: complaint }))] },
    { body: [sseData(key)] },
    { headers: { 'content-type': 'text/html' }, body: [`<html>${key}</html>`] },
    { headers: json, body: [key] },
    { framing: 'raw', body: [`HTTP/1.1 200 ${key}\r\n${key}\r\n\r\n`], ending: 'fin' },
  ]
}
