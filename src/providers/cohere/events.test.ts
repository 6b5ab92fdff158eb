import { expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { CohereDecoder } from './events.ts'

const folder = new URL('./fixtures/', import.meta.url)
const names = readdirSync(folder).flatMap((file) => (file.endsWith('.frames.txt') ? [file.slice(0, -11)] : []))
const read = (file: string) => readFileSync(new URL(file, folder), 'utf8')

/** What frames decode to, and what is thrown in the end. */
function decoded(frames: readonly { readonly event?: string; readonly data: string }[]) {
  const decoder = new CohereDecoder()
  const events: ChatEvent[] = []
  try {
    for (const frame of frames) events.push(...decoder.frame(frame))
    events.push(...decoder.end())
    return { events }
  } catch (thrown) {
    if (!(thrown instanceof ChatError)) throw thrown
    return { events, thrown: { reason: thrown.reason, code: thrown.code, message: thrown.message } }
  }
}

for (const name of names) {
  test(`reads ${name}`, () => {
    const frames = read(`${name}.frames.txt`).trimEnd().split('\n')
    expect(decoded(frames.map((data) => ({ data })))).toEqual(JSON.parse(read(`${name}.events.json`)))
  })
}

test('every fixture has both its files', () => {
  expect(names.length).toBeGreaterThan(20)
  expect(readdirSync(folder)).toHaveLength(names.length * 2)
})

test('an event of the type error is one, whatever it holds', () => {
  const failed = { reason: 'upstream-failed' as const, code: 'upstream_error' }
  expect(decoded([{ event: 'error', data: '{"type":"x","message":"No."}' }]).thrown).toMatchObject(failed)
  expect(decoded([{ event: 'error', data: '{}' }]).thrown).toMatchObject(failed)
})
