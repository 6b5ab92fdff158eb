import { expect, test } from 'bun:test'
import { SpanKind } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { SpanData } from './span-data.ts'
import { WaitingSpans } from './waiting-spans.ts'

function newSpan(text: string): SpanData {
  const span = new SpanData({
    ...{ name: 'chat m', kind: SpanKind.CLIENT, attributes: { kept: 1 }, parent: undefined, startTime: [1, 0] },
    context: { traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceFlags: 1 },
    resource: resourceFromAttributes({}),
    instrumentationScope: { name: 'tributary' },
  })
  span.addText('text', text)
  return span
}

test('a span that finds no room is refused until others were sent', () => {
  const waiting = new WaitingSpans(2)
  const spans = [newSpan(''), newSpan('')]
  expect([...spans, newSpan('')].map((span) => waiting.add(span))).toEqual([true, true, false])
  waiting.remove(spans)
  expect(waiting.add(newSpan(''))).toBe(true)
})

test('beyond 16 MiB of texts a span is kept without its texts', () => {
  const waiting = new WaitingSpans(10)
  const [first, second, third] = [newSpan('a'.repeat(10 << 20)), newSpan('b'.repeat(10 << 20)), newSpan('c')]
  for (const span of [first, second, third]) expect(waiting.add(span)).toBe(true)
  expect(Object.keys(first.attributes)).toEqual(['kept', 'text'])
  expect(Object.keys(second.attributes)).toEqual(['kept'])
  expect(Object.keys(third.attributes)).toEqual(['kept', 'text'])
  waiting.remove([first, second, third])
  const later = newSpan('d'.repeat(16 << 20))
  waiting.add(later)
  expect(Object.keys(later.attributes)).toEqual(['kept', 'text'])
})
