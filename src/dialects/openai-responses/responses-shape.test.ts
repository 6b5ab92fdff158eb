import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { SseDecoder, sseEvent } from '../../wire/sse.ts'
import { ResponseDecoder } from './decode-stream.ts'

const folder = new URL('./fixtures/', import.meta.url)
const names = readdirSync(folder).flatMap((file) => (file.endsWith('.frames.txt') ? [file.slice(0, -11)] : []))
const read = (file: string) => readFileSync(new URL(file, folder), 'utf8')
const utf8 = new TextEncoder()

/** Writes a fixture as bytes of the wire. The name of an event is the type of its data. */
function bytesOf(name: string): Uint8Array {
  const frames = read(`${name}.frames.txt`).trimEnd().split('\n')
  return utf8.encode(frames.map((json) => sseEvent(JSON.parse(json).type, json)).join(''))
}

/** Decodes the bytes in pieces of this size. @returns the events, and the error at the end */
function decoded(bytes: Uint8Array, size = bytes.byteLength) {
  const [splitter, decoder] = [new SseDecoder(), new ResponseDecoder()]
  const events: ChatEvent[] = []
  try {
    for (let at = 0; at < bytes.byteLength; at += size)
      for (const frame of splitter.push(bytes.subarray(at, at + size)) ?? [])
        events.push(...decoder.event(JSON.parse(frame.data)))
    events.push(...decoder.end())
    return { events }
  } catch (thrown) {
    if (!(thrown instanceof ChatError)) throw thrown
    return { events, thrown: { reason: thrown.reason, code: thrown.code, message: thrown.message } }
  }
}

/** Signs of life come between the events. */
function withoutProgress({ events, ...others }: ReturnType<typeof decoded>) {
  return { events: events.filter(({ type }) => type !== 'foreign'), ...others }
}

describe('a streamed response', () => {
  for (const name of names) {
    test(`reads ${name}`, () => {
      expect<unknown>(withoutProgress(decoded(bytesOf(name)))).toEqual(JSON.parse(read(`${name}.events.json`)))
    })

    test(`reads ${name} byte by byte`, () => {
      expect(decoded(bytesOf(name), 1)).toEqual(decoded(bytesOf(name)))
    })
  }
})
