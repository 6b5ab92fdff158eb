import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ChatEvent } from '../../chat/event.ts'
import { ReplyDecoder } from './decode-reply.ts'

const folder = join(import.meta.dir, 'fixtures')
const files = readdirSync(folder)

function read(file: string): string {
  return readFileSync(join(folder, file), 'utf8')
}

function counter(): () => string {
  let made = 0
  return () => `made_${++made}`
}

function withoutNative(event: ChatEvent): object {
  const { native: _, ...others } = event
  if (others.type !== 'usage') return others
  const { native: _native, ...usage } = others.usage
  return { ...others, usage }
}

/** Lists the relayed chunks in order, each once. */
function relayed(events: readonly ChatEvent[]): unknown[] {
  const natives = new Set(events.map((event) => event.native).filter((native) => native !== undefined))
  return [...natives].map((native) => JSON.parse(JSON.stringify(native.value)))
}

/** The chunks that replace a line when it is relayed, by the number of the line from 1; null if the line is not relayed. */
function expectedRelay(lines: readonly string[], name: string): unknown[] {
  const repairs: Record<string, unknown> = files.includes(`${name}.repairs.json`)
    ? JSON.parse(read(`${name}.repairs.json`))
    : {}
  return lines
    .map((line, at) => (String(at + 1) in repairs ? repairs[at + 1] : JSON.parse(line)))
    .filter((chunk) => chunk !== null)
}

function choicesIn(events: readonly ChatEvent[]): number {
  return new Set(events.map((event) => event.choice)).size
}

describe('a stream', () => {
  for (const file of files.filter((each) => each.endsWith('.frames.txt'))) {
    const name = file.replace('.frames.txt', '')
    const lines = read(file).trimEnd().split('\n')
    const isTerminated = lines.at(-1) === '[DONE]'
    const chunks = isTerminated ? lines.slice(0, -1) : lines
    const expected: ChatEvent[] = JSON.parse(read(`${name}.events.json`))

    const decoded = () => {
      const decoder = new ReplyDecoder({ choices: choicesIn(expected), newId: counter() })
      const events = chunks.flatMap((chunk) => [...decoder.chunk(JSON.parse(chunk))])
      return [...events, ...decoder.end(isTerminated ? 'terminated' : 'cut')]
    }
    test(`reads ${name}`, () => expect(decoded().map(withoutNative)).toEqual(expected))
    test(`relays ${name}`, () => expect(relayed(decoded())).toEqual(expectedRelay(chunks, name)))
  }
})

describe('a whole completion', () => {
  for (const file of files.filter((each) => each.endsWith('.whole.json'))) {
    const name = file.replace('.whole.json', '')
    const expected: ChatEvent[] = JSON.parse(read(`${name}.events.json`))
    const decoded = () => new ReplyDecoder({ choices: 1, newId: counter() }).whole(JSON.parse(read(file)))

    test(`reads ${name}`, () => expect(decoded().map(withoutNative)).toEqual(expected))
    test(`relays ${name}`, () => expect(relayed(decoded())).toEqual(expectedRelay([read(file)], name)))
  }
})
