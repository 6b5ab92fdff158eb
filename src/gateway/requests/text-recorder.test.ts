import { describe, expect, test } from 'bun:test'
import { Secret } from '../../chat/secret.ts'
import { text } from '../chat.double.ts'
import { KeptTexts, maxKeptCharacters } from './kept-texts.ts'
import { maxRecorded, type RecordedTexts, TextRecorder } from './text-recorder.ts'

const said = (words: string) => ({ role: 'user', content: [{ type: 'text', text: words }] }) as const

describe('the texts of a chat', () => {
  test('are those of its messages, and of the answer in order', () => {
    const recorder = new TextRecorder([
      { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'See: ' },
          { type: 'image', url: 'data:image/png;base64,AAAA' },
        ],
      },
      { role: 'assistant', content: [{ type: 'tool-call', id: '1', name: 'look', arguments: '{"at":1}' }] },
    ])
    recorder.addBatch([
      { type: 'reasoning', choice: 0, part: 0, text: 'Well' },
      { type: 'reasoning', choice: 0, part: 0, text: ', then.' },
      text('It is ', 0, 1),
      text('noon.', 0, 1),
      { type: 'tool-call', choice: 0, part: 2, id: 'c', name: 'clock' },
      { type: 'tool-arguments', choice: 0, part: 2, json: '{}' },
      { type: 'tool-result', toolCallId: 'c', name: 'clock', content: '12:00', isError: false },
    ])
    expect(recorder.texts()).toEqual({
      request: '[system]\nBe brief.\n\n[user]\nSee: [image]\n\n[assistant]\n\n[calls look]\n{"at":1}\n\n',
      answer: '[reasoning]\nWell, then.\n\nIt is noon.\n\n[calls clock]\n{}\n\n[clock gives]\n12:00',
      isCut: false,
    })
  })

  test('are cut, however long they are and however they come', () => {
    const recorder = new TextRecorder([said('q'.repeat(5_000_000)), said('and more')])
    for (let at = 0; at < 100_000; at++) recorder.addBatch([text('answer')])
    const { request, answer, isCut } = recorder.texts()
    expect([request.length, answer.length, isCut]).toEqual([maxRecorded, maxRecorded, true])
  })

  test('have no known secret, also one that comes in pieces or stands at the cut', () => {
    const secret = 'planted-secret-0123456789'
    const held = new Secret(secret)
    for (const before of [0, 100, maxRecorded - 30, maxRecorded - 10, maxRecorded, maxRecorded + 16 * 1024 - 10]) {
      const words = `${'x'.repeat(before)}${secret} and ${'y'.repeat(100)}`
      const recorder = new TextRecorder([said(words)])
      for (const piece of words.match(/.{1,7}/g) ?? []) recorder.addBatch([text(piece)])
      const { request, answer } = recorder.texts()
      // not even the beginning of it
      for (const one of [request, answer]) expect(one).not.toContain(secret.slice(0, 4))
    }
    // masks are shorter than what they hide, so that more of the text comes within the limit
    const recorder = new TextRecorder([said(`${secret} `.repeat(10_000))])
    expect(recorder.texts().request).not.toContain(secret.slice(0, 4))
    expect(held.reveal()).toBe(secret)
  })
})

describe('the kept texts', () => {
  const textsOf = (length: number): RecordedTexts => ({ request: 'x'.repeat(length), answer: '', isCut: false })

  test('never have more characters than allowed, and the oldest go first', () => {
    const kept = new KeptTexts<object>()
    const requests = Array.from({ length: 100 }, () => ({}))
    const size = maxKeptCharacters / 64
    for (const request of requests) kept.add(request, textsOf(size))
    expect(requests.map((request) => kept.get(request) !== undefined)).toEqual(requests.map((_, at) => at >= 36))
    kept.delete(requests.at(-1) ?? {})
    kept.delete(requests.at(-1) ?? {})
    kept.add({}, textsOf(size))
    expect(kept.get(requests[36] ?? {})).toBeDefined()
    kept.add({}, textsOf(1))
    expect(kept.get(requests[36] ?? {})).toBeUndefined()
    kept.clear()
    const last = {}
    kept.add(last, textsOf(maxKeptCharacters))
    expect(kept.get(last)).toBeDefined()
  })
})
