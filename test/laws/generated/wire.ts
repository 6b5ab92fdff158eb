import { nextTurn } from '../../../src/flow/next-turn.ts'
import type { Random } from './random.ts'

const utf8 = new TextEncoder()

/** How a dialect writes its events. */
interface EventStyle {
  /** The name of an event; undefined if it has none. */
  readonly nameOf?: (data: string) => string
  /** The data of the last event, which only marks the end. */
  readonly end?: readonly string[]
}

/** Writes a reply with its head, in pieces that are cut at any byte, also within the framing. */
export function piecesOfReply(data: readonly string[], random: Random, style: EventStyle = {}): Uint8Array[] {
  const body = utf8.encode(eventsOf(data, random, style))
  const isChunked = random.chance(0.8)
  const framing = isChunked ? 'transfer-encoding: chunked' : `content-length: ${body.byteLength}`
  const head = `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n${framing}\r\n\r\n`
  const reply = Buffer.concat([utf8.encode(head), ...(isChunked ? chunksOf(body, random) : [body])])
  return cut(
    reply,
    random.list(0, 12, () => random.below(reply.byteLength)),
  )
}

/** Gives the event loop a turn between two pieces, so that they are written, and mostly read, one by one. */
export async function* writeOneByOne(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    yield piece
    await nextTurn()
  }
}

/** Writes a stream of events with any kind of line end, comments, unknown fields, and by default `[DONE]` at the end. */
function eventsOf(data: readonly string[], random: Random, { nameOf, end = ['[DONE]'] }: EventStyle): string {
  const lineEnd = random.pick(['\n', '\n', '\n', '\r\n', '\r'])
  const isTidy = random.chance(0.5)
  const field = isTidy ? 'data: ' : random.pick(['data: ', 'data:'])
  const odd = ['', ': keep-alive', ':', ': ', 'retry: 3000', 'id: 7', ': data: {"choices":[]}'] as const
  const between = () => (isTidy || random.chance(0.8) ? '' : random.pick(odd) + lineEnd + lineEnd)
  // one space after the colon is not part of the line
  const line = (text: string) => `${text.startsWith(' ') ? 'data: ' : field}${text}${lineEnd}`
  const name = (text: string) => (nameOf && !end.includes(text) ? `event: ${nameOf(text)}${lineEnd}` : '')
  const events = [...data, ...end].map(
    (each) => `${between()}${name(each)}${each.split('\n').map(line).join('')}${lineEnd}`,
  )
  return events.join('')
}

function chunksOf(body: Uint8Array, random: Random): Uint8Array[] {
  const size = random.pick([3, 40, 400, 4_000])
  const cuts = random.list(0, Math.floor(body.byteLength / size), () => random.below(body.byteLength))
  const chunks = cut(body, cuts).flatMap((piece) => {
    return [utf8.encode(`${piece.byteLength.toString(16)}\r\n`), piece, utf8.encode('\r\n')]
  })
  return [...chunks, utf8.encode('0\r\n\r\n')]
}

function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const edges = [0, ...at.toSorted((left, right) => left - right), bytes.byteLength]
  const pieces = edges.slice(1).map((end, index) => bytes.subarray(edges[index], end))
  return pieces.filter((piece) => piece.byteLength > 0)
}
