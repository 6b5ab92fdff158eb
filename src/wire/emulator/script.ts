import type { EmulatedExchange } from './http.ts'
import { pause } from './pause.ts'

/** How an emulator answers one request. Times are milliseconds. */
export interface Script {
  /** Bytes of the reply's body in order, each sent as one chunk when the client is ready to read it. */
  readonly body?: Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>
  /** The reply's status; 200. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Silence before the head. */
  readonly headDelayMs?: number
  /** Silence before each part of the body. */
  readonly paceMs?: number
  /** Silence before the ending. Without it a reset or a FIN in the same packet overtakes bytes that were not read yet. */
  readonly endDelayMs?: number
  /** What happens after the last part; `end`, a proper end, by default. */
  readonly ending?: 'end' | 'fin' | 'rst' | 'stall'
  /** How the body is delimited; `chunked` by default. With `raw` the parts are the whole reply, head included. */
  readonly framing?: 'chunked' | 'length' | 'close' | 'raw'
  /** The `content-length` of a body framed by `length`; it may be wrong on purpose. */
  readonly length?: number
}

/** Sends a script's bytes. */
export async function play(exchange: EmulatedExchange, script: Script): Promise<void> {
  const { headDelayMs, paceMs, endDelayMs, framing = 'chunked' } = script
  if (headDelayMs) await Bun.sleep(headDelayMs)
  if (framing === 'chunked') exchange.head(script.status ?? 200, script.headers ?? eventStream)
  else if (framing !== 'raw') await exchange.raw(unchunkedHead(script, framing))
  for await (const part of script.body ?? []) {
    if (paceMs) await Bun.sleep(paceMs)
    if (!exchange.isOpen()) return
    await (framing === 'chunked' ? exchange.chunk(part) : exchange.raw(part))
  }
  if (endDelayMs) await pause(endDelayMs)
  leave(exchange, script)
}

const eventStream = { 'content-type': 'text/event-stream' }

function leave(exchange: EmulatedExchange, { framing = 'chunked', ending = 'end' }: Script): void {
  if (ending === 'rst') exchange.reset()
  else if (ending === 'fin' || (ending === 'end' && framing === 'close')) exchange.finish()
  else if (ending === 'end' && framing === 'chunked') exchange.end()
}

function unchunkedHead(
  { status = 200, headers = eventStream, length = 0 }: Script,
  framing: 'length' | 'close',
): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const delimiter = framing === 'length' ? `content-length: ${length}` : 'connection: close'
  return `HTTP/1.1 ${status} Emulated\r\n${lines.join('')}${delimiter}\r\n\r\n`
}
