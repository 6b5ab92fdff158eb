import type { Attributes, AttributeValue, SpanContext } from '@opentelemetry/api'
import {
  type IExportTraceServiceResponse,
  type ISerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { ProtobufWriter } from './protobuf-writer.ts'

/** The number of a field and how it is written. Protocol Buffers, Encoding */
const [varint, fixed64, delimited, fixed32] = [0, 1, 2, 5] as const
const field = (number: number, type: number): number => (number << 3) | type

/** The first byte of a field whose number is above 15 needs a second one. */
const flagsField = [field(16, fixed32) | 128, 1] as const
/** Whether a span's parent is of another program is known, and it is. opentelemetry-proto, `SpanFlags` */
const [isRemoteKnown, isRemote] = [0x100, 0x200] as const

/** The bytes of the length of a message that is mostly under 128 bytes, and of one that is mostly longer. */
const [short, long] = [1, 2] as const

const writer = new ProtobufWriter()

/**
 * Writes spans as the request of OTLP. The library's own serializer measures everything before it writes it, which takes
 * four times as long (docs/decisions/0101-own-spans.md). All spans have the same resource and scope, those of the recorder.
 */
export const spanSerializer = {
  serializeRequest(spans) {
    const [first] = spans
    if (!first) return undefined
    writer.clear()
    const request = writer.begin(long)
    writer.byte(field(1, delimited))
    const resource = writer.begin(long)
    writeAttributes(first.resource.attributes, 1)
    writer.end(resource, long)
    writer.byte(field(2, delimited))
    const scopeSpans = writer.begin(long)
    writeScope(first)
    for (const span of spans) writeSpan(span)
    writer.end(scopeSpans, long)
    writer.end(request, long)
    // the writer is used for the next export while this one is being sent
    return Buffer.concat([Buffer.from([field(1, delimited)]), writer.written])
  },
  deserializeResponse: (data) => ProtobufTraceSerializer.deserializeResponse(data),
} satisfies ISerializer<ReadableSpan[], IExportTraceServiceResponse>

function writeScope({ instrumentationScope: { name, version = '' } }: ReadableSpan): void {
  writer.byte(field(1, delimited))
  const start = writer.begin(short)
  writer.byte(field(1, delimited))
  writer.text(name)
  writer.byte(field(2, delimited))
  writer.text(version)
  writer.end(start, short)
}

function writeSpan(span: ReadableSpan): void {
  const context = span.spanContext()
  writer.byte(field(2, delimited))
  const start = writer.begin(long)
  writeIds(context, span.parentSpanContext)
  writer.byte(field(5, delimited))
  writer.text(span.name)
  writer.byte(field(6, varint))
  // the library counts the kinds from 0, and OTLP from 1
  writer.varint(span.kind + 1)
  writer.byte(field(7, fixed64))
  writer.nanos(...span.startTime)
  writer.byte(field(8, fixed64))
  writer.nanos(...span.endTime)
  writeAttributes(span.attributes, 9)
  for (const event of span.events) writeEvent(event)
  if (span.status.code !== 0) {
    writer.byte(field(15, delimited))
    writer.byte(2)
    writer.byte(field(3, varint))
    writer.byte(span.status.code)
  }
  for (const byte of flagsField) writer.byte(byte)
  writer.fixed32((context.traceFlags & 0xff) | isRemoteKnown | (span.parentSpanContext?.isRemote ? isRemote : 0))
  writer.end(start, long)
}

function writeIds({ traceId, spanId, traceState }: SpanContext, parent: SpanContext | undefined): void {
  writer.byte(field(1, delimited))
  writer.hex(traceId)
  writer.byte(field(2, delimited))
  writer.hex(spanId)
  const state = traceState?.serialize()
  if (state) {
    writer.byte(field(3, delimited))
    writer.text(state)
  }
  if (!parent) return
  writer.byte(field(4, delimited))
  writer.hex(parent.spanId)
}

function writeEvent({ time, name, attributes }: ReadableSpan['events'][number]): void {
  writer.byte(field(11, delimited))
  const start = writer.begin(short)
  writer.byte(field(1, fixed64))
  writer.nanos(...time)
  writer.byte(field(2, delimited))
  writer.text(name)
  if (attributes) writeAttributes(attributes, 3)
  writer.end(start, short)
}

function writeAttributes(attributes: Attributes, number: number): void {
  for (const name in attributes) {
    const value = attributes[name]
    if (value === undefined) continue
    writer.byte(field(number, delimited))
    const start = writer.begin(short)
    writer.raw(keyOf(name))
    writer.byte(field(2, delimited))
    writeValue(value)
    writer.end(start, short)
  }
}

/** The names of attributes as fields. Those of the program are few; those of the resource are the operator's. */
const keys = new Map<string, Uint8Array>()
const maxKeys = 1_024

function keyOf(name: string): Uint8Array {
  const known = keys.get(name)
  if (known) return known
  const own = new ProtobufWriter()
  own.byte(field(1, delimited))
  own.text(name)
  const key = Uint8Array.from(own.written)
  if (keys.size < maxKeys) keys.set(name, key)
  return key
}

/** Writes an `AnyValue` with its length. */
function writeValue(value: AttributeValue | undefined | null): void {
  const start = writer.begin(short)
  if (typeof value === 'string') {
    writer.byte(field(1, delimited))
    writer.text(value)
  } else if (typeof value === 'boolean') {
    writer.byte(field(2, varint))
    writer.byte(value ? 1 : 0)
  } else if (Number.isSafeInteger(value)) {
    writer.byte(field(3, varint))
    writer.integer(Number(value))
  } else if (typeof value === 'number') {
    writer.byte(field(4, fixed64))
    writer.double(value)
  } else if (Array.isArray(value)) writeList(value)
  writer.end(start, short)
}

function writeList(values: readonly (string | number | boolean | null | undefined)[]): void {
  writer.byte(field(5, delimited))
  const start = writer.begin(short)
  for (const value of values) {
    writer.byte(field(1, delimited))
    writeValue(value)
  }
  writer.end(start, short)
}
