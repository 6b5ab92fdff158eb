import { ChatError } from '../../src/chat/error.ts'
import type { HttpReply } from '../../src/wire/http-reply.ts'
import { newCancel } from '../../src/wire/machine.double.ts'
import { FrameFault } from '../../src/wire/websocket-frames.ts'
import { MessageReader } from '../../src/wire/websocket-messages.ts'
import type { BytesInMemory } from './subject.ts'

/** A signal that does not abort. */
export const never = newCancel()

/** Makes the error that the wire throws when a connection breaks. */
export function broken(): ChatError {
  return new ChatError('upstream-failed', { message: 'The connection broke.', code: 'upstream_disconnected' })
}

/** Makes an HTTP reply whose bytes are in memory. Each piece is one read. */
export function replyInMemory({ fixture, pieces, isBroken }: BytesInMemory): HttpReply {
  const bytes = async () => {
    if (isBroken) throw broken()
    return Buffer.concat(pieces)
  }
  return {
    status: 200,
    headers: fixture.stream ? streamHead : wholeHead,
    body: bodyOf(pieces, isBroken),
    bytes,
    text: async () => new TextDecoder().decode(await bytes()),
    receivedAt: 0,
    limitIdle: () => undefined,
    discard: () => undefined,
  }
}

const streamHead = new Headers({ 'content-type': 'text/event-stream' })
const wholeHead = new Headers({ 'content-type': 'application/json' })

async function* bodyOf(pieces: readonly Uint8Array[], isBroken: boolean): AsyncGenerator<Uint8Array> {
  yield* pieces
  if (isBroken) throw broken()
}

/** Decodes the texts in the bytes of a WebSocket. */
export function* textsInMemory({ pieces }: BytesInMemory): Generator<string> {
  const reader = new MessageReader({ maxBytes: 2 ** 20, isMasked: false })
  for (const piece of pieces)
    for (const message of reader.push(Buffer.from(piece))) {
      if (message instanceof FrameFault || message.type !== 'text') throw broken()
      yield message.text
    }
}
