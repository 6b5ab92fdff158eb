import { describe, expect, test } from 'bun:test'
import { LineSplitter } from './line-splitter.ts'

const utf8 = new TextEncoder()

function linesOf(...reads: readonly Uint8Array[]): string[] {
  const splitter = new LineSplitter()
  const frames = reads.flatMap((bytes) => splitter.push(bytes) ?? [])
  return [...frames, ...splitter.end()].map(({ data }) => data)
}

describe('lines', () => {
  test('end with LF or CRLF, and the last may have no end', () => {
    expect(linesOf(utf8.encode('a:1\nb:2\r\n\n  \nc:3'))).toEqual(['a:1', 'b:2', 'c:3'])
    expect(linesOf()).toEqual([])
  })

  test('are the same with any splits', () => {
    const bytes = utf8.encode('0:"Grüße 👋🏽"\r\ng:"—"\n\nd:{}\n')
    const whole = linesOf(bytes)
    expect(whole).toEqual(['0:"Grüße 👋🏽"', 'g:"—"', 'd:{}'])
    for (let at = 0; at <= bytes.length; at++) expect(linesOf(bytes.slice(0, at), bytes.slice(at))).toEqual(whole)
    expect(linesOf(...[...bytes].map((byte) => new Uint8Array([byte])))).toEqual(whole)
  })

  test('are limited in length', () => {
    const splitter = new LineSplitter()
    const part = new Uint8Array(2 ** 20).fill(0x78)
    const endless = () => {
      for (let at = 0; at < 17; at++) splitter.push(part)
    }
    expect(endless).toThrow('too long')
  })

  test('are not limited in number', () => {
    const splitter = new LineSplitter()
    const line = new Uint8Array(2 ** 20).fill(0x78)
    line[0] = 0x0a
    for (let at = 0; at < 20; at++) splitter.push(line)
    expect(splitter.end()[0]?.data).toHaveLength(2 ** 20 - 1)
  })
})
