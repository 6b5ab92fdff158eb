import { expect, test } from 'bun:test'
import { TraceState } from '@opentelemetry/core'
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import fc from 'fast-check'
import { spanSerializer } from '../../src/traces/encode-spans.ts'
import { SpanData } from '../../src/traces/span-data.ts'
import { decodeRequest } from './protobuf.ts'

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.integer({ min: 0, max: 70_000 }).map((length) => 'ä'.repeat(length)),
)
const value = fc.oneof(
  text,
  fc.boolean(),
  fc.maxSafeInteger(),
  // whole numbers that a number cannot hold are doubles for us, and integers for the library
  fc.double({ noNaN: true }).filter((number) => !Number.isInteger(number) || Number.isSafeInteger(number)),
  fc.array(fc.string(), { maxLength: 5 }),
  fc.array(fc.maxSafeInteger(), { maxLength: 40 }),
)
const attributes = fc.dictionary(fc.string({ minLength: 1 }), value, { maxKeys: 20 })
const id = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((found) => Buffer.from(found).toString('hex'))
const time = fc.tuple(fc.integer({ min: 1_000_000_000, max: 4_000_000_000 }), fc.integer({ min: 0, max: 999_999_999 }))
const context = fc.record({ traceId: id(16), spanId: id(8), traceFlags: fc.constantFrom(0, 1) })

const resource = resourceFromAttributes({ 'service.name': 'tributary', 'ä key': 'value' })
const scope = { name: 'tributary', version: '1.2.3' }

const spans: fc.Arbitrary<ReadableSpan> = fc
  .record({
    ...{ name: text, attributes, context, startTime: time, endTime: time, parent: fc.option(context) },
    kind: fc.constantFrom(0, 1, 2),
    isRemote: fc.boolean(),
    hasState: fc.boolean(),
    hasFailed: fc.boolean(),
    events: fc.array(fc.record({ time, name: text, attributes }), { maxLength: 2 }),
  })
  .map(({ context: own, parent, endTime, isRemote, hasState, hasFailed, events, ...span }) => {
    const state = hasState ? { traceState: new TraceState('a=b,c=d') } : {}
    const data = new SpanData({
      ...span,
      ...{ resource, instrumentationScope: scope },
      context: { ...own, ...state },
      parent: parent === null ? undefined : { ...parent, isRemote },
    })
    data.endTime = endTime
    data.events.push(...events)
    if (hasFailed) data.fail('upstream_error')
    return data
  })

/** What the library writes although it is the default of the field. */
function withoutDefaults(decoded: unknown): unknown {
  if (Array.isArray(decoded)) return decoded.map(withoutDefaults)
  if (typeof decoded !== 'object' || decoded === null) return decoded
  const kept = Object.entries(decoded).filter(
    ([name, found]) => !(name.startsWith('dropped') && found === '0') && !(name === 'status' && found.code === '0'),
  )
  return Object.fromEntries(kept.map(([name, found]) => [name, withoutDefaults(found)]))
}

test('any spans are written as the library writes them', () => {
  fc.assert(
    fc.property(fc.array(spans, { minLength: 1, maxLength: 6 }), (batch) => {
      const ours = spanSerializer.serializeRequest(batch)
      const theirs = ProtobufTraceSerializer.serializeRequest(batch)
      if (!ours || !theirs) throw new Error('nothing was written')
      expect(withoutDefaults(decodeRequest(ours))).toEqual(withoutDefaults(decodeRequest(theirs)))
    }),
    { numRuns: 200 },
  )
})

test('no span is no request', () => {
  expect(spanSerializer.serializeRequest([])).toBeUndefined()
})
