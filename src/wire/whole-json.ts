import type { HttpReply } from './http-reply.ts'
import { readUpstreamJson, upstreamJson } from './json.ts'
import type { FramedReply } from './read-frames.ts'
import { maxAtOnce } from './read-json.ts'

/** A body that has come as a whole. */
export interface WholeJson {
  readonly bytes: Uint8Array
  /** The value of its JSON; undefined if it is no JSON. */
  readonly value: unknown
  /** Its text, unless it is long. */
  readonly json?: string
}

/**
 * Reads a reply whose bytes have all come, or whose length is known: to read it at once costs a third less. Returns undefined for any
 * other reply.
 * @throws ChatError `upstream-outdated` for JSON that nests too deep or has too many values
 */
export function wholeJson(reply: HttpReply): WholeJson | Promise<WholeJson> | undefined {
  const { whole } = reply
  if (whole) return parse(whole)
  return reply.headers.has('content-length') ? reply.bytes().then(parse) : undefined
}

function parse(bytes: Uint8Array): WholeJson | Promise<WholeJson> {
  if (bytes.byteLength > maxAtOnce) return readUpstreamJson(bytes).then((value) => ({ bytes, value }))
  const json = utf8.decode(bytes)
  return { bytes, value: upstreamJson(json), json }
}

const utf8 = new TextDecoder()

/** A reply whose bytes have already been read. */
export function framedAgain({ status, headers }: HttpReply, bytes: Uint8Array): FramedReply {
  async function* body() {
    yield bytes
  }
  return { status, headers, body: body(), limitIdle: () => undefined }
}
