import { expect, test } from 'bun:test'
import { EventScan } from './event-scan.ts'

function scanned(pieces: readonly string[]): EventScan {
  const scan = new EventScan()
  for (const piece of pieces) scan.push(Buffer.from(piece))
  return scan
}

test('the length is that of the event which has begun, however the bytes are cut and lines end', () => {
  for (const end of ['\n\n', '\r\n\r\n', '\r\r']) {
    const text = `data: ${'x'.repeat(100)}${end}data: 12345`
    for (let cut = 0; cut <= text.length; cut++)
      expect(scanned([text.slice(0, cut), text.slice(cut)]).length).toBeLessThan(20)
  }
  expect(scanned(['data: a\ndata: ', 'b'.repeat(1000), '\ndata: ', 'c'.repeat(1000)]).length).toBeGreaterThan(2000)
})

test('the last id is noticed at the beginning of a line, and nowhere else', () => {
  for (let cut = 0; cut <= 24; cut++) {
    const text = 'id: 6\ndata: x\nid: 7-a\n\n'
    expect(scanned([text.slice(0, cut), text.slice(cut)]).lastId).toBe('7-a')
  }
  expect(scanned(['id:1\r\ndata:\r\n\r\n']).lastId).toBe('1')
  expect(scanned(['data: {"id: 7"}\n\nid: 8']).lastId).toBeUndefined()
})
