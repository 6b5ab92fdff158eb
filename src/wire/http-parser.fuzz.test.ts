/** Our parser reads a reply like Node's parser. Two different readings of a reply would allow smuggling. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { findNode } from '../../test/find-node.ts'
import type { ReplyHead } from './http-head.ts'
import { ReplyParser } from './http-parser.ts'

const script = join(import.meta.dir, '../../test/chaos/node-http.cjs')

interface Verdict {
  readonly status?: number
  readonly body?: string
}

interface Reading {
  readonly verdict: Verdict
  /** The reply without the bytes after it. They would end our connection, and Node's connection with an error. */
  readonly reply: Buffer
}

/** Reads a reply. Returns undefined for a reply that is refused or cut. */
function readingOf(bytes: Buffer): Reading | undefined {
  let head: ReplyHead | undefined
  let isWhole = false
  const parts: Buffer[] = []
  const sink = {
    head: (found: ReplyHead) => {
      head = found
    },
    body: (part: Buffer) => parts.push(part),
    end: () => {
      isWhole = true
    },
  }
  let taken = 0
  try {
    const parser = new ReplyParser('GET', sink)
    taken = parser.push(bytes)
    parser.close()
  } catch {
    return undefined
  }
  if (!isWhole || !head) return undefined
  const verdict = { status: head.status, body: Buffer.concat(parts).toString('base64') }
  return { verdict, reply: bytes.subarray(0, taken) }
}

const seeds = [
  'HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-a: b\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nb;a=c\r\n world, you!\r\n0\r\nx-t: 1\r\n\r\n',
  'HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n\r\nuntil the end',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno',
  'HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
]
const scraps = [
  '\r\n',
  '\r',
  '\n',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '0',
  '1',
  'f',
  '-',
  '+',
  '\0',
  '\x7f',
  '\xff',
  'chunked',
  'content-length: 3\r\n',
  'transfer-encoding: chunked\r\n',
  'transfer-encoding: gzip\r\n',
  'x',
  '5\r\n',
  '\r\n\r\n',
  'HTTP/1.1',
]

/** Makes a function that returns random numbers, the same ones for the same seed. */
function randomly(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Makes replies with up to three faults each: an inserted text, a missing piece or a repeated piece. */
function mutated(count: number): Buffer[] {
  const random = randomly(7)
  return Array.from({ length: count }, (_, at) => {
    let text = seeds[at % seeds.length] ?? ''
    for (let faults = random(4); faults > 0; faults--) {
      const start = random(text.length + 1)
      const end = Math.min(text.length, start + random(6))
      const middle = [scraps[random(scraps.length)] ?? '', '', text.slice(start, end).repeat(2)][random(3)] ?? ''
      text = text.slice(0, start) + middle + text.slice(middle.length > 0 ? start : end)
    }
    return Buffer.from(text, 'latin1')
  })
}

const node = findNode()

test.skipIf(!node)(
  'each of 6,000 faulty replies is refused, or read like Node reads it',
  async () => {
    const readings = mutated(6_000).flatMap((bytes) => readingOf(bytes) ?? [])
    expect(readings.length).toBeGreaterThan(1_000)
    const child = Bun.spawn([node ?? 'node', script], { stdin: 'pipe', stdout: 'pipe' })
    child.stdin.write(readings.map(({ reply }) => reply.toString('base64')).join('\n'))
    await child.stdin.end()
    const theirs = (await child.stdout.text()).split('\n').map((line): Verdict => JSON.parse(line))
    const compared = readings.map(({ reply, verdict }, at) => ({
      reply: reply.toString('latin1'),
      ours: verdict,
      theirs: theirs[at],
    }))
    expect(compared.filter((one) => !Bun.deepEquals(one.ours, one.theirs)).slice(0, 12)).toEqual([])
  },
  120_000,
)
