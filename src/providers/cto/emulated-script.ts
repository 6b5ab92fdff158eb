import type { EmulatedWebSocket } from '../../wire/websocket-emulator.ts'
import { frame } from '../../wire/websocket-frames.ts'

/** What the emulator does with one prompt. Milliseconds. */
export interface CtoScript {
  /** How the prompt itself is answered, in place of 202. `silent`: not at all; `fin` and `rst`: by hanging up. */
  readonly trigger?:
    | 'silent'
    | 'fin'
    | 'rst'
    | { readonly status: number; readonly body?: string; readonly headers?: Record<string, string> }
  /** Bytes for the socket, each part a write of its own. Taken as the client takes them. */
  readonly body?: Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  /** Silence before each part. */
  readonly paceMs?: number
  /** Silence before the ending: a reset, or a FIN in the same packet, would overtake what nobody has read yet. */
  readonly endDelayMs?: number
  /** What happens after the last part; it waits for the client to leave unless said otherwise. */
  readonly ending?: 'wait' | 'fin' | 'rst' | 'stall' | { readonly close: number }
}

/** A message of the socket. */
export function ctoMessage(message: object | string): Buffer {
  return frame(typeof message === 'string' ? message : JSON.stringify(message))
}

/** A document in an update, as the service writes it: JSON in JSON, with a line end. */
export function ctoUpdate(document: object): object {
  return { type: 'update', buffer: `${JSON.stringify(document)}\n` }
}

export function ctoState(inProgress: boolean, more: object = {}): object {
  return { type: 'state', state: { inProgress, ...more } }
}

/** Sends a script to whoever has subscribed. */
export async function playScript(sockets: ReadonlySet<EmulatedWebSocket>, script: CtoScript): Promise<void> {
  const { body = [], paceMs, endDelayMs, ending = 'wait' } = script
  for await (const part of body) {
    if (paceMs) await Bun.sleep(paceMs)
    const open = [...sockets].filter((socket) => socket.isOpen())
    if (open.length === 0) return
    await Promise.all(open.map((socket) => socket.raw(part)))
  }
  if (endDelayMs) await Bun.sleep(endDelayMs)
  for (const socket of sockets) {
    if (ending === 'fin') socket.finish()
    else if (ending === 'rst') socket.reset()
    else if (ending === 'stall') socket.stall()
    else if (ending !== 'wait') socket.close(ending.close)
  }
}
