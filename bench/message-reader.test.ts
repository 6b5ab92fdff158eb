import { expect, test } from 'bun:test'
import { MessageReader } from './message-reader.ts'

const wire = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello' +
    'HTTP/1.1 204 No Content\r\n\r\n' +
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwo\r\n\r\nA;x=y\r\n0123456789\r\n0\r\ntrailer: x\r\n\r\n' +
    'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
)
const messages = ['200:hello', '204:', '200:wo\r\n0123456789', '200:']

function read(parts: readonly Buffer[]): readonly string[] {
  const found: string[] = []
  let message = ''
  const reader = new MessageReader({
    head: (head) => {
      message = `${head.slice(9, 12)}:`
    },
    body: (bytes) => {
      message += bytes.toString()
    },
    end: () => found.push(message),
  })
  for (const part of parts) reader.push(part)
  return found
}

test('reads lengths, chunks, trailers and messages without a body', () => {
  expect(read([wire])).toEqual(messages)
})

test('the messages are the same wherever the bytes are cut', () => {
  for (let at = 0; at <= wire.length; at += 1) {
    expect(read([wire.subarray(0, at), wire.subarray(at)])).toEqual(messages)
  }
  expect(read(Array.from(wire, (byte) => Buffer.of(byte)))).toEqual(messages)
})
