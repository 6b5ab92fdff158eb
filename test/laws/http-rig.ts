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

/** What the laws need to know of an upstream that is asked over HTTP; the rest is the same for all. */
export interface HttpSubject {
  /** Starts its emulator, which answers a model by the script that `reply` has for it, and the upstream that asks it. */
  start(reply: (model: string) => Script | undefined): Promise<{
    readonly emulator: HttpEmulator & { readonly chats: readonly unknown[] }
    readonly upstream: Upstream
  }>
  /** The credential it is asked with. */
  readonly key: string
  /** A model that the emulator answers by itself. */
  readonly model: string
  readonly fixtures: readonly Fixture[]
  /** Reads a reply of its kind. */
  decode(reply: HttpReply, fixture: Fixture): AsyncIterable<Batch>
  /** A part of an answer, as it stands on the wire; it comes without end. */
  readonly part: string
  /** Replies that hold the key, beside `commonBetrayals`. */
  readonly betrayals: readonly Script[]
}

const utf8 = new TextEncoder()

/** A running emulator with its upstream, under all laws. */
export async function startHttpRig(subject: HttpSubject): Promise<Rig> {
  const { start, key, model, fixtures, part, betrayals: own } = subject
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
    betrayals: () => [...commonBetrayals(key), ...own].map((script) => plan(script)),
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

/** A user says hello. */
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

/** How a streamed fixture stands on the wire. */
interface Wire {
  /** Whether a frame is the upstream's own end marker; a fixture has one. */
  isEnd(frame: string): boolean
  /** Writes a frame; as `data:` alone, unless said otherwise. */
  write?(frame: string): string
  readonly choices?: number
}

/** `NAME.frames.txt` of a folder: a frame a line. A stream has ended with its end marker. */
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
    // the blank line is missing, but all of the event is there: every reader of SSE takes it
    endMarker: () => ({ from: to - 2, to }),
  }
}

/** The script that sends a reply to the byte. */
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
    // splits have to arrive one by one
    ...(splits.length > 0 && { paceMs: 1 }),
  }
}

const json = { 'content-type': 'application/json' }

/** Where a careless server of any kind puts the key it was sent. */
export function commonBetrayals(key: string): readonly Script[] {
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
