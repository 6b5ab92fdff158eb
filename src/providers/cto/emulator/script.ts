import { pause } from '../../../wire/emulator/pause.ts'
import type { EmulatedWebSocket } from '../../../wire/emulator/websocket.ts'
import { frame } from '../../../wire/websocket-frames.ts'

/** How the emulator answers one prompt. Times are milliseconds. */
export interface CtoScript {
  /** The reply to the prompt itself, in place of 202. `silent` sends none; `fin` and `rst` close the connection. */
  readonly trigger?:
    | 'silent'
    | 'fin'
    | 'rst'
    | { readonly status: number; readonly body?: string; readonly headers?: Record<string, string> }
  /** Bytes for the socket, each part in a separate write, when the client is ready to read it. */
  readonly body?: Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  /** A pause before each part. */
  readonly paceMs?: number
  /** A pause before the ending. Without it, a reset or FIN in the same packet overtakes bytes that are not read yet. */
  readonly endDelayMs?: number
  /** What happens after the last part; by default it waits for the client to leave. */
  readonly ending?: 'wait' | 'fin' | 'rst' | 'stall' | { readonly close: number }
}

/** Writes a message of the socket. */
export function ctoMessage(message: object | string): Buffer {
  return frame(typeof message === 'string' ? message : JSON.stringify(message))
}

/** An update with a document, as the service writes it: JSON in JSON, with a line end. */
export function ctoUpdate(document: object): object {
  return { type: 'update', buffer: `${JSON.stringify(document)}\n` }
}

export function ctoState(inProgress: boolean, more: object = {}): object {
  return { type: 'state', state: { inProgress, ...more } }
}

/** Sends a script to all subscribers. */
export async function playScript(sockets: ReadonlySet<EmulatedWebSocket>, script: CtoScript): Promise<void> {
  const { body = [], paceMs, endDelayMs, ending = 'wait' } = script
  for await (const part of body) {
    if (paceMs) await Bun.sleep(paceMs)
    const open = [...sockets].filter((socket) => socket.isOpen())
    if (open.length === 0) return
    await Promise.all(open.map((socket) => socket.raw(part)))
  }
  if (endDelayMs) await pause(endDelayMs)
  for (const socket of sockets) {
    if (ending === 'fin') socket.finish()
    else if (ending === 'rst') socket.reset()
    else if (ending === 'stall') socket.stall()
    else if (ending !== 'wait') socket.close(ending.close)
  }
}
