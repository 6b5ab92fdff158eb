import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import type { ChatEvent } from '../../chat/event.ts'
import { Secret } from '../../chat/secret.ts'
import { MessageDecoder } from './decode-stream.ts'
import { MessageStream } from './encode-stream.ts'
import { RelayedMessage } from './relayed-message.ts'

const folder = new URL('./fixtures/', import.meta.url)
const read = (name: string) =>
  readFileSync(new URL(`${name}.frames.txt`, folder), 'utf8')
    .trimEnd()
    .split('\n')

/** Decodes the data of events as a client of an upstream does. */
function decoded(frames: readonly string[]): ChatEvent[] {
  const [decoder, relay] = [new MessageDecoder(), new RelayedMessage()]
  const events = frames.flatMap((json) => {
    const value: unknown = JSON.parse(json)
    return relay.learned(json) ?? relay.attach(decoder.event(value), value, json)
  })
  return [...events, ...relay.atEnd(decoder.end())]
}

/** The events for a client of the same dialect, without their names. */
function written(events: readonly ChatEvent[]): string[] {
  const stream = new MessageStream({ id: 'r1', model: 'ours', inputTokens: 5 })
  const text = events.map((event) => stream.event(event)).join('') + stream.end()
  return text.split('\n\n').flatMap((event) => (event === '' ? [] : [event.replace(/^event: \w+\ndata: /, '')]))
}

const relayed = (frames: readonly string[]) => written(decoded(frames))
const withHead = (json: string) =>
  json.replace(/"id":"msg_[^"]*"/, '"id":"msg_r1"').replace(/"model":"[^"]*"/, '"model":"ours"')

describe('a client of the same dialect gets each event as it came', () => {
  const whole = readdirSync(folder).flatMap((file) => (file.endsWith('.frames.txt') ? [file.slice(0, -11)] : []))
  for (const name of whole.filter((each) => !['cut', 'error', 'nothing', 'empty-input', 'unknown'].includes(each)))
    test(name, () => {
      const frames = read(name)
      expect(relayed(frames)).toEqual(frames.map((json, at) => (at === 0 ? withHead(json) : json)))
    })
})

const start =
  '{"type":"message_start","message":{"id":"msg_1","model":"m","content":[],"usage":{"input_tokens":3,"output_tokens":1}}}'
const open = (block: string, index = 0) => `{"type":"content_block_start","index":${index},"content_block":${block}}`
const grow = (delta: string, index = 0) => `{"type":"content_block_delta","index":${index},"delta":${delta}}`
const close = (index = 0) => `{"type":"content_block_stop","index":${index}}`
const text = '{"type":"text","text":""}'
const say = (words: string, index = 0) => grow(`{"type":"text_delta","text":"${words}"}`, index)
const last = (reason: string) =>
  `{"type":"message_delta","delta":{"stop_reason":"${reason}","stop_sequence":null},"usage":{"output_tokens":2}}`
const stop = '{"type":"message_stop"}'
const answer = (...content: readonly string[]) => [start, ...content, last('end_turn'), stop]
const typesOf = (events: readonly string[]) =>
  events.map((json) => {
    const { type, index, delta } = JSON.parse(json)
    return [type, index, delta?.type].filter((each) => each !== undefined).join(' ')
  })

describe('an event with a fault is written anew:', () => {
  test('a delta that does not fit its block gets its own', () => {
    const faulty = answer(open(text), say('A'), grow('{"type":"thinking_delta","thinking":"B"}'), say('C'), close())
    expect(typesOf(relayed(faulty))).toEqual([
      'message_start',
      'content_block_start 0',
      'content_block_delta 0 text_delta',
      'content_block_stop 0',
      'content_block_start 1',
      'content_block_delta 1 thinking_delta',
      'content_block_stop 1',
      'content_block_start 2',
      'content_block_delta 2 text_delta',
      'content_block_stop 2',
      'message_delta',
      'message_stop',
    ])
  })

  test('blocks that overlap, or are not counted from 0, are put in order', () => {
    const faulty = answer(open(text, 4), say('A', 4), open(text, 7), say('B', 7), say('C', 7))
    expect(typesOf(relayed(faulty)).slice(1, -2)).toEqual([
      'content_block_start 0',
      'content_block_delta 0 text_delta',
      'content_block_stop 0',
      'content_block_start 1',
      'content_block_delta 1 text_delta',
      'content_block_delta 1 text_delta',
      'content_block_stop 1',
    ])
  })

  test('arguments that come with the beginning of a call become a delta, and the answer ends with the call', () => {
    const call = '{"type":"tool_use","id":"toolu_1","name":"clock","input":{"at":1},"x_own":true}'
    const events = relayed(answer(open(call), close())).map((json) => JSON.parse(json))
    expect(events.slice(1)).toMatchObject([
      { content_block: { input: {}, x_own: true } },
      { delta: { type: 'input_json_delta', partial_json: '{"at":1}' } },
      { type: 'content_block_stop' },
      { delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 2 } },
      { type: 'message_stop' },
    ])
  })

  test('a beginning and an end without counts get them', () => {
    const bare = ['{"type":"message_start","message":{"id":"a","model":"b"}}', open(text), say('A'), close(), stop]
    const events = relayed(bare).map((json) => JSON.parse(json))
    expect(events[0]).toMatchObject({ message: { id: 'msg_r1', model: 'ours', usage: { input_tokens: 5 } } })
    expect(events.at(-2)).toMatchObject({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: {} })
  })

  test('blocks whose beginning lacks a member that clients read are complete', () => {
    const call = '{"type":"tool_use","name":"clock","input":{}}'
    const bare = answer(
      open('{"type":"text"}'),
      say('A'),
      close(),
      open('{"type":"thinking"}', 1),
      close(1),
      open(call, 2),
      close(2),
    )
    const blocks = relayed(bare).flatMap((json) => JSON.parse(json).content_block ?? [])
    expect(blocks).toEqual([
      { type: 'text', text: '' },
      { type: 'tool_use', id: 'toolu_1', name: 'clock', input: {} },
    ])
  })

  test('a second beginning and an end that was not the last are no end', () => {
    const events = relayed([
      ...answer(open(text), say('A'), close()),
      start,
      open(text, 1),
      say('B', 1),
      last('max_tokens'),
    ])
    expect(typesOf(events).filter((type) => /^message/.test(type))).toEqual([
      'message_start',
      'message_delta',
      'message_delta',
      'message_stop',
    ])
    expect(events.at(-2)).toBe(last('max_tokens'))
  })
})

test('deltas that are padded, or written in another way, keep their bytes', () => {
  const odd = answer(
    open(text),
    say('one'),
    `${say('two').slice(0, -1)}      }`,
    say('three \\"quoted\\"'),
    say('\\u00e9'),
    grow('{ "type": "text_delta", "text": "four" }'),
    say('five').replace('}}', ',"x_own":1.0}}'),
    say('six'),
    close(),
  )
  expect(relayed(odd).slice(1)).toEqual(odd.slice(1))
  const texts = decoded(odd).flatMap((event) => (event.type === 'text' ? [event.text] : []))
  expect(texts.join('|')).toBe('|one|two|three "quoted"|é|four|five|six')
})

test('a line break between members becomes a space, because it would end the event', () => {
  const broken = grow('{"type":"text_delta",\n"text":"A"}')
  expect(relayed(answer(open(text), broken, close()))[2]).toBe(broken.replace('\n', ' '))
})

test('events, deltas and blocks that the gateway does not know reach the client', () => {
  const unknown = [
    start,
    '{"type":"ping"}',
    '{"type":"x_future","a":[1.0,{"b":null}]}',
    open('{"type":"x_block","data":{"z":1,"a":2}}'),
    grow('{"type":"x_delta","data":"…"}'),
    close(),
    open('{"type":"text","text":""}', 1),
    say('A', 1),
    grow('{"type":"x_delta","more":true}', 1),
    '{"type":"ping","x":1}',
    close(1),
    '{"type":"message_delta","delta":{"stop_reason":"x_reason","stop_sequence":null,"x":1},"usage":{"output_tokens":2},"context_management":{"applied_edits":[]}}',
    '{"type":"message_stop","x_metrics":{"ms":1.50}}',
  ]
  expect(relayed(unknown)).toEqual(unknown.map((json, at) => (at === 0 ? withHead(json) : json)))
})

test('pings alone do not extend the time that an upstream has', () => {
  const [decoder, relay] = [new MessageDecoder(), new RelayedMessage()]
  const take = (json: string) => relay.attach(decoder.event(JSON.parse(json)), JSON.parse(json), json)
  expect([take(start), take('{"type":"ping"}'), take('{"type":"ping"}')]).toEqual([[], [], []])
  expect(take(open(text))).toHaveLength(4)
  expect(take('{"type":"ping"}')).toEqual([])
})

test('an event beside the content that repeats a secret is left out', () => {
  const key = new Secret('canary-of-the-relay-51')
  const leaking = [start, '{"type":"x","key":"canary-of-the-relay-51"}', open(text), say('A'), close(), stop]
  expect(relayed(leaking).join()).not.toContain(key.reveal())
})
