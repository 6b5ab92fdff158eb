import { expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { CtoDecoder } from './events.ts'

const folder = new URL('./fixtures/', import.meta.url)
const names = readdirSync(folder).flatMap((file) => (file.endsWith('.frames.txt') ? [file.slice(0, -11)] : []))
const read = (file: string) => readFileSync(new URL(file, folder), 'utf8')

/** Decodes the messages. It returns the events, whether the answer has ended, and the error. */
function decode(messages: readonly string[]) {
  const decoder = new CtoDecoder()
  const events: ChatEvent[] = []
  try {
    for (const message of messages) events.push(...decoder.frame(message))
    return { events, finished: decoder.finished }
  } catch (thrown) {
    if (!(thrown instanceof ChatError)) throw thrown
    return { events, thrown: { reason: thrown.reason, code: thrown.code } }
  }
}

for (const name of names) {
  test(`reads ${name}`, () => {
    const messages = read(`${name}.frames.txt`).trimEnd().split('\n')
    expect(decode(messages)).toEqual(JSON.parse(read(`${name}.events.json`)))
  })
}

test('every fixture has both its files', () => {
  expect(names.length).toBeGreaterThan(20)
  expect(readdirSync(folder)).toHaveLength(names.length * 2)
})

test('work of the agent without text becomes events that are not shown', () => {
  const update = (document: object) => JSON.stringify({ type: 'update', buffer: JSON.stringify(document) })
  const { events } = decode([
    JSON.stringify({ type: 'state', state: { inProgress: true } }),
    update({ id: 'u', role: 'user', content: 'the prompt' }),
    'pong',
    update({ id: 't', type: 'tool', content: 'ls' }),
    update({ id: 'p', type: 'plan', content: [{ type: 'text', text: 'first this' }] }),
  ])
  expect(events).toEqual(Array.from({ length: 2 }, () => ({ type: 'foreign', choice: 0, isShown: false })))
})

test('a long answer in pieces is read in linear time', () => {
  const decoder = new CtoDecoder()
  const piece = JSON.stringify({
    type: 'update',
    buffer: { id: 'a', type: 'chat', chat: { content: 'x'.repeat(100) } },
  })
  let length = 0
  for (let at = 0; at < 20_000; at++) {
    for (const event of decoder.frame(piece)) length += event.type === 'text' ? event.text.length : 0
  }
  expect(length).toBe(2_000_000)
})

test('a long message that is also sent as a whole is read in linear time', () => {
  const decoder = new CtoDecoder()
  const decodeUpdate = (document: object) =>
    decoder.frame(JSON.stringify({ type: 'update', buffer: { id: 'a', ...document } }))
  const events: ChatEvent[] = [...decodeUpdate({ type: 'message', content: 'x'.repeat(4_000_000) })]
  const pieces = decodeUpdate({ type: 'chat', chat: { content: 'yz' } })
  for (let at = 0; at < 50_000; at++) events.push(...decodeUpdate({ type: 'message', content: 'x' }))
  events.push(...decodeUpdate({ type: 'message', content: `${'x'.repeat(4_000_000)}yz!` }))
  const texts = [...pieces, ...events.slice(1)].map((event) => (event.type === 'text' ? event.text : event.type))
  expect(texts.join('')).toBe('yz!')
})
