import { describe, expect, test } from 'bun:test'
import { messagesOf } from './messages.ts'
import { membersOf, type OptionName, type Options, optionNames, readOption, usualOptions } from './options.ts'
import { readConversation, writeConversation } from './stored-conversation.ts'
import { emptyAnswer } from './types.ts'

const done = { ...emptyAnswer, state: 'done' as const }
const on = (name: OptionName, text: string): Options => ({ ...usualOptions, [name]: { isOn: true, text } })

describe('a parameter', () => {
  test('is sent only if it is switched on', () => {
    expect(membersOf(usualOptions)).toEqual({})
    expect(membersOf(on('temperature', '0'))).toEqual({ temperature: 0 })
    expect(membersOf(on('stop', 'a\n\nb'))).toEqual({ stop: ['a', 'b'] })
    expect(membersOf(on('response_format', '{"type":"json_object"}'))).toEqual({
      response_format: { type: 'json_object' },
    })
  })

  test('with a wrong value is not sent, and nothing else either', () => {
    for (const [name, text] of [
      ...([
        ['temperature', ''],
        ['temperature', '3'],
        ['temperature', 'x'],
        ['seed', '1.5'],
        ['max_tokens', '0'],
      ] as const),
      ...([
        ['stop', '\n'],
        ['tools', '['],
      ] as const),
    ])
      expect(membersOf(on(name, text))).toBeUndefined()
  })

  test('has a usual value that may be sent, unless that is a text of its own', () => {
    for (const name of optionNames.filter((one) => one !== 'stop'))
      expect(readOption(name, usualOptions[name].text)).toHaveProperty('value')
  })
})

describe('the conversation that is sent', () => {
  test('has the system prompt, the answers so far and the question', () => {
    expect(messagesOf('Be brief.', [{ prompt: 'a', answer: { ...done, text: 'b' } }], 'c')).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b' },
      { role: 'user', content: 'c' },
    ])
  })

  test('leaves out a question without an answer', () => {
    const failed = { ...emptyAnswer, state: 'failed' as const }
    expect(messagesOf('', [{ prompt: 'a', answer: failed }], 'c')).toEqual([{ role: 'user', content: 'c' }])
  })

  test('has a result for each call, because upstreams refuse a call without one', () => {
    const answer = { ...done, calls: [{ id: '', name: 'weather', arguments: '{}' }] }
    expect(messagesOf('', [{ prompt: 'a', answer }], 'c')).toMatchObject([
      { role: 'user' },
      { role: 'assistant', tool_calls: [{ id: 'call_0', function: { name: 'weather' } }] },
      { role: 'tool', tool_call_id: 'call_0' },
      { role: 'user' },
    ])
  })
})

describe('the conversation that is kept', () => {
  const kept = (text: string, turns = 1) => ({
    system: 's',
    options: on('seed', '3'),
    columns: [
      { model: 'm', turns: Array.from({ length: turns }, (_, at) => ({ prompt: `${at}`, answer: { ...done, text } })) },
    ],
  })

  test('comes back as it was', () => {
    expect(readConversation(writeConversation(kept('Hello')))).toEqual(kept('Hello'))
  })

  test('loses its oldest turns if it is too long', () => {
    const text = writeConversation(kept('x'.repeat(400_000), 6))
    expect(text.length).toBeLessThan(1_500_001)
    expect(readConversation(text)?.columns[0]?.turns.map(({ prompt }) => prompt)).toEqual(['3', '4', '5'])
    expect(readConversation(writeConversation(kept('x'.repeat(2_000_000))))?.columns[0]?.turns).toEqual([])
  })

  test('has broken off where it was being received', () => {
    const running = { ...kept(''), columns: [{ model: 'm', turns: [{ prompt: 'a', answer: emptyAnswer }] }] }
    expect(readConversation(writeConversation(running))?.columns[0]?.turns[0]?.answer.state).toBe('broken')
  })

  test('is none if it is something else', () => {
    for (const text of [
      null,
      '',
      '{',
      'null',
      '[]',
      '{"system":"a"}',
      '{"system":"a","columns":[]}',
      '{"system":"a","columns":[3]}',
    ])
      expect(readConversation(text)).toBeUndefined()
  })
})
