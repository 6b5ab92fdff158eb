import { describe, expect, test } from 'bun:test'
import type { Fields } from '../../chat/message.ts'
import { flowOf } from '../../flow/flow.ts'
import { fold } from '../../flow/fold.ts'
import { newCancel } from '../../wire/machine.double.ts'
import { MessageDecoder } from './decode-stream.ts'
import { writeAnswer } from './encode-answer.ts'
import { plainMessageIn } from './plain-message.ts'
import { RelayedMessage, wholeNative } from './relayed-message.ts'

const head = { id: 'r1', model: 'ours' }

/** Reads a whole message as a client of an upstream does, and writes it for a client of the same dialect. */
async function relayed(json: string) {
  const value = JSON.parse(json)
  const [decoder, relay] = [new MessageDecoder(), new RelayedMessage()]
  const events = plainMessageIn(value, wholeNative(value, json)) ?? [
    ...relay.attach(decoder.event(value), value, json),
    ...relay.atEnd(decoder.end()),
  ]
  return writeAnswer(await fold(flowOf(() => events, newCancel())), head)
}

const message = (members: Fields) => ({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'theirs',
  content: [{ type: 'text', text: 'A', x_own: 1 }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 3, output_tokens: 2, x_own: 1 },
  ...members,
})
const call = { type: 'tool_use', id: 'toolu_1', name: 'f', input: { big: 1 } }

describe('a whole message of an upstream keeps its JSON', () => {
  test('with another id and model, wherever they stand before the content', async () => {
    const json = JSON.stringify(message({ x_own: [1.5] }))
    const ours = json.replace('msg_1', 'msg_r1').replace('theirs', 'ours')
    expect(await relayed(json)).toEqual({ json: ours })
    const spaced = json.replaceAll(':', ' : ')
    expect(await relayed(spaced)).toEqual({ json: ours.replaceAll(':', ' : ') })
  })

  test('as a value, if its model stands after the content', async () => {
    const { model, ...others } = message({})
    expect(await relayed(JSON.stringify({ ...others, model }))).toEqual({
      value: { ...others, id: 'msg_r1', model: 'ours' },
    })
  })
})

describe('a whole message with a fault is written anew:', () => {
  for (const [fault, members, expected] of [
    ['an end that hides a call', { content: [call] }, { stop_reason: 'tool_use' }],
    ['an end without a reason', { stop_reason: null }, { stop_reason: 'end_turn' }],
    ['another role', { role: 'model' }, { role: 'assistant' }],
    ['a block without a type', { content: [{ text: 'B' }, { type: 'text', text: 'A' }] }, { content: [{ text: 'A' }] }],
    ['a usage without the input', { usage: { output_tokens: 2 } }, { usage: { input_tokens: 0, output_tokens: 2 } }],
  ] as const)
    test(fault, async () => {
      expect(await relayed(JSON.stringify(message(members)))).toMatchObject({ value: expected })
    })
})
