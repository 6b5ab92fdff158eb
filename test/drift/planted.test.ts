/** What an upstream sends otherwise than its adapter knows it is named, and nothing else is. Each provider is asked through its emulator. */
import { afterAll, describe, expect, test } from 'bun:test'
import type { Drift } from '../../src/chat/drift.ts'
import { sseData } from '../../src/wire/sse.ts'
import { frame as webSocketFrame } from '../../src/wire/websocket-frames.ts'
import { bare, newCall, outcomeOf } from '../laws/ask.ts'
import type { Fixture, Rig } from '../laws/subject.ts'
import { subjects } from '../laws/subjects.ts'

const canary = 'words of a person 5d1c88'
const words = { words: canary }

/** A frame that no protocol has, and what the alarm says of it. */
interface Plant {
  readonly frame: unknown
  readonly where: string
  /** The name of a Socket.IO event. */
  readonly event?: string
  /** A frame that must come before it. */
  readonly after?: unknown
}

interface Plants {
  readonly write: (text: string) => Uint8Array
  readonly plants: readonly Plant[]
}

const events = (text: string) => Buffer.from(sseData(text))
const socketFrames = (text: string) => webSocketFrame(text)
const textBegins = { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }
const delta = (said: unknown) => ({ choices: [{ index: 0, delta: said, finish_reason: null }] })
const completions: Plants = {
  write: events,
  plants: [
    { frame: delta({ hologram: words }), where: 'unknown_event delta.hologram' },
    { frame: { object: 'hologram', id: canary }, where: 'missing_field chunk: choices' },
    { frame: { choices: [{ index: 0, said: words }] }, where: 'missing_field choice: delta' },
    { frame: delta({ reasoning_content: words }), where: 'wrong_type delta: reasoning_content' },
    { frame: { type: 'hologram', ...words }, where: 'unknown_event hologram' },
  ],
}

const bySubject: Readonly<Record<string, Plants>> = {
  'openai-compatible': completions,
  mistral: completions,
  ai21: completions,
  'openai-responses': {
    write: events,
    plants: [
      { frame: { type: 'response.hologram.delta', ...words }, where: 'unknown_event response.hologram.delta' },
      {
        frame: { type: 'response.output_text.delta', output_index: 90, ...words },
        where: 'missing_field response.output_text.delta: delta',
      },
      {
        frame: { type: 'response.reasoning_text.delta', output_index: 91, delta: words },
        where: 'wrong_type response.reasoning_text.delta: delta',
      },
      {
        frame: { type: 'response.output_item.done', output_index: 92, item: { type: 'hologram', id: 'h1', ...words } },
        where: 'unknown_event response.output_item.done.hologram',
      },
    ],
  },
  anthropic: {
    write: events,
    plants: [
      { frame: { type: 'hologram', ...words }, where: 'unknown_event hologram' },
      { frame: { type: 'message_start', message: canary }, where: 'wrong_type message_start: message' },
      {
        frame: { type: 'content_block_start', index: 0, content_block: words },
        where: 'missing_field content_block_start: content_block.type',
      },
      {
        frame: { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', ...words } },
        after: textBegins,
        where: 'missing_field content_block_delta.text_delta: delta.text',
      },
      {
        frame: { type: 'content_block_delta', index: 0, delta: { type: 'hologram_delta', ...words } },
        after: textBegins,
        where: 'unknown_event content_block_delta.hologram_delta',
      },
      {
        frame: { type: 'content_block_start', index: 0, content_block: { type: 'hologram', ...words } },
        where: 'unknown_event content_block_start.hologram',
      },
    ],
  },
  cohere: {
    write: events,
    plants: [
      { frame: { type: 'hologram', ...words }, where: 'unknown_event hologram' },
      {
        frame: { type: 'content-delta', index: 0, delta: { message: { content: words } } },
        where: 'missing_field content-delta: delta.message.content.text',
      },
      {
        frame: { type: 'tool-plan-delta', delta: { message: { tool_plan: words } } },
        where: 'wrong_type tool-plan-delta: delta.message.tool_plan',
      },
    ],
  },
  smithery: {
    write: events,
    plants: [
      { frame: { type: 'hologram', ...words }, where: 'unknown_event hologram' },
      { frame: { type: 'text-delta', id: 't9', ...words }, where: 'missing_field text-delta: delta' },
      {
        frame: { type: 'reasoning-delta', id: 'r9', delta: words },
        where: 'wrong_type reasoning-delta: delta',
      },
    ],
  },
  langfast: {
    write: socketFrames,
    plants: [
      { event: 'hologram', frame: words, where: 'unknown_event hologram' },
      {
        event: 'execution:chunk',
        frame: { executionId: 'job-1', status: 'running', ...words },
        where: 'missing_field execution:chunk: content',
      },
      {
        event: 'execution:chunk',
        frame: { executionId: 'job-1', status: 'running', content: words },
        where: 'wrong_type execution:chunk: content',
      },
    ],
  },
  cto: {
    write: socketFrames,
    plants: [
      { frame: { type: 'hologram', ...words }, where: 'unknown_event hologram' },
      { frame: { type: 'update', ...words }, where: 'missing_field update: buffer' },
      { frame: { type: 'state', state: canary }, where: 'wrong_type state: state' },
      {
        frame: { type: 'update', buffer: JSON.stringify({ id: 'a', type: 'chat', chat: words }) },
        where: 'missing_field update.chat: chat.content',
      },
    ],
  },
}

function framesOf({ frame, event, after }: Plant): readonly string[] {
  const text = event === undefined ? JSON.stringify(frame) : `42${JSON.stringify([event, frame])}`
  return after === undefined ? [text] : [JSON.stringify(after), text]
}

/** A fixture with an event that is unknown on purpose. */
const odd = ['others-between']

/** Asks the provider alone, and collects the alarms. */
async function ask(rig: Rig, fixture: Fixture | undefined) {
  const drifts: Drift[] = []
  const chat = bare(rig.upstream)
  const request = rig.request(fixture && { fixture, framing: 'chunked' })
  const call = { ...newCall(), noteDrift: (drift: Drift) => void drifts.push(drift) }
  const { events: said, thrown } = await outcomeOf(chat, request, call)
  const text = said.flatMap((event) => (event.type === 'text' ? event.text : [])).join('')
  return { drifts, thrown, text, named: drifts.map(({ kind, where }) => `${kind} ${where}`) }
}

test('what is planted is for a provider that exists', () => {
  const names = subjects.map(({ name }) => name)
  expect(Object.keys(bySubject).filter((name) => !names.includes(name))).toEqual([])
})

for (const subject of subjects) {
  const rig = await subject.start()
  afterAll(() => rig.close())

  describe(subject.name, () => {
    test('no answer of its emulator raises an alarm', async () => {
      for (const fixture of [undefined, ...rig.fixtures.filter(({ name }) => !odd.includes(name))]) {
        const { named, thrown } = await ask(rig, fixture)
        expect([fixture?.name, named, thrown]).toEqual([fixture?.name, [], undefined])
      }
    })

    const planted = bySubject[subject.name]
    const [fixture] = rig.fixtures
    if (!planted || !fixture) return
    for (const plant of planted.plants)
      test(plant.where, async () => {
        const bytes = Buffer.concat([...framesOf(plant).map(planted.write), fixture.bytes])
        const { drifts, named, text, thrown } = await ask(rig, { ...fixture, bytes })
        expect(named).toContain(plant.where)
        expect(JSON.stringify(drifts)).not.toContain('person')
        expect(drifts.every(({ shape }) => !shape.includes(canary))).toBe(true)
        expect([text.length > 0, thrown]).toEqual([true, undefined])
      })
  })
}
