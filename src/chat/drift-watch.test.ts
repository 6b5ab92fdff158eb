import { describe, expect, test } from 'bun:test'
import type { Drift } from './drift.ts'
import { DriftWatch } from './drift-watch.ts'
import { shapeOf, shownEvent } from './shape-of.ts'

describe('a shape', () => {
  const cases: readonly (readonly [value: unknown, shape: string])[] = [
    ['canary', 'string'],
    [null, 'null'],
    [[], '[]'],
    [[1, 'canary'], '[number, …]'],
    [
      { type: 'canary', delta: { text: 'canary', n: 1 }, ok: true, none: null },
      '{"type": string, "delta": {"text": string, "n": number}, "ok": boolean, "none": null}',
    ],
    [{ a: { b: { c: { d: { e: 1 } } } } }, '{"a": {"b": {"c": {"d": {…}}}}}'],
    [{ a: [[[['canary']]]] }, '{"a": [[[[…]]]]}'],
    [
      { 'a person wrote this': 1, 'sk-canary': 1, call_0123456789: 1, web_search: 1, [`a${'x'.repeat(40)}`]: 1 },
      '{"…": number, "…": number, "…": number, "web_search": number, "…": number}',
    ],
  ]
  for (const [value, shape] of cases) test(shape, () => expect(shapeOf(value)).toBe(shape))

  test('is short for an object with a million members', () => {
    const names = Array.from({ length: 1_000_000 }, (_, at) => [`m${at.toString(36)}`, { of: 'canary' }])
    const shape = shapeOf(Object.fromEntries(names))
    expect([shape.length < 1_100, shape.endsWith('…}') || shape.endsWith('…'), shape.includes('canary')]).toEqual([
      true,
      true,
      false,
    ])
  })

  test('an event is shown unless its name looks like data', () => {
    for (const name of ['content_block_delta.text_delta', 'response.web_search_20250305', 'execution:chunk', 'code:0'])
      expect(shownEvent(name)).toBe(name)
    for (const name of ['a person wrote this', 'x'.repeat(65), 'call_0123456789012', 'a\nb'])
      expect(shownEvent(name)).toBe('…')
  })
})

describe('an event', () => {
  const known = {
    ping: {},
    'data-*': {},
    text: { 'delta.text|thinking': 'string', 'usage?': 'object' },
    call: { 'calls.function.name': 'string', arguments: ['string', 'object'] },
    plain: { '': 'string' },
  } as const
  const found = (name: string, message: unknown, read?: unknown) => {
    const drifts: Drift[] = []
    new DriftWatch(known, (drift) => drifts.push(drift)).look(name, message, read)
    return drifts.map(({ kind, where }) => `${kind} ${where}`)
  }

  test('that is known, with all that is needed, is none', () => {
    expect(found('ping', { anything: 1 })).toEqual([])
    expect(found('data-weather', {})).toEqual([])
    expect(found('text', { delta: { thinking: '' } })).toEqual([])
    expect(found('call', { calls: [{ function: { name: 'a' } }], arguments: {} })).toEqual([])
    expect(found('plain', '')).toEqual([])
  })

  test('that is not known is named', () => {
    expect(found('pong', {})).toEqual(['unknown_event pong'])
    expect(found('toString', {})).toEqual(['unknown_event toString'])
  })

  test('without a field, or with one of another type, is named with its path', () => {
    expect(found('text', { delta: {} })).toEqual(['missing_field text: delta.text'])
    expect(found('text', { delta: { text: null } })).toEqual(['missing_field text: delta.text'])
    expect(found('text', { delta: { thinking: 7 } })).toEqual(['wrong_type text: delta.thinking'])
    expect(found('text', { delta: { text: 'a' }, usage: [] })).toEqual(['wrong_type text: usage'])
    expect(found('plain', 7)).toEqual(['wrong_type plain'])
  })

  test('counts as the adapter read it', () => {
    expect(found('text', { delta: 'a' }, { delta: { text: 'a' } })).toEqual([])
    expect(found('text', { delta: { text: [] } }, { delta: { text: undefined } })).toEqual([
      'wrong_type text: delta.text',
    ])
  })

  test('is noted once in an answer, and only some of many are', () => {
    const drifts: Drift[] = []
    const watch = new DriftWatch(known, (drift) => drifts.push(drift))
    for (let at = 0; at < 100; at++) watch.look(`a${at}`, {})
    for (let at = 0; at < 100; at++) watch.look('a1', {})
    expect(drifts.map(({ where }) => where)).toEqual(['a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7'])
  })
})
