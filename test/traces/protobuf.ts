/** A field of a message: its name, and its type. A `*` after the type stands for a list. */
type Schema = Readonly<Record<number, readonly [name: string, type: string]>>

/** The messages of OTLP for traces. opentelemetry-proto 1.9, `trace.proto`, `common.proto`, `resource.proto`, `trace_service.proto` */
const schemas: Readonly<Record<string, Schema>> = {
  Request: { 1: ['resourceSpans', 'ResourceSpans*'] },
  ResourceSpans: { 1: ['resource', 'Resource'], 2: ['scopeSpans', 'ScopeSpans*'], 3: ['schemaUrl', 'string'] },
  Resource: { 1: ['attributes', 'KeyValue*'], 2: ['droppedAttributesCount', 'varint'] },
  ScopeSpans: { 1: ['scope', 'Scope'], 2: ['spans', 'Span*'], 3: ['schemaUrl', 'string'] },
  Scope: {
    1: ['name', 'string'],
    2: ['version', 'string'],
    3: ['attributes', 'KeyValue*'],
    4: ['droppedAttributesCount', 'varint'],
  },
  Span: {
    1: ['traceId', 'bytes'],
    2: ['spanId', 'bytes'],
    3: ['traceState', 'string'],
    4: ['parentSpanId', 'bytes'],
    5: ['name', 'string'],
    6: ['kind', 'varint'],
    7: ['startTimeUnixNano', 'fixed64'],
    8: ['endTimeUnixNano', 'fixed64'],
    9: ['attributes', 'KeyValue*'],
    10: ['droppedAttributesCount', 'varint'],
    11: ['events', 'Event*'],
    12: ['droppedEventsCount', 'varint'],
    13: ['links', 'Link*'],
    14: ['droppedLinksCount', 'varint'],
    15: ['status', 'Status'],
    16: ['flags', 'fixed32'],
  },
  Event: {
    1: ['timeUnixNano', 'fixed64'],
    2: ['name', 'string'],
    3: ['attributes', 'KeyValue*'],
    4: ['droppedAttributesCount', 'varint'],
  },
  Status: { 2: ['message', 'string'], 3: ['code', 'varint'] },
  KeyValue: { 1: ['key', 'string'], 2: ['value', 'AnyValue'] },
  AnyValue: {
    1: ['stringValue', 'string'],
    2: ['boolValue', 'varint'],
    3: ['intValue', 'varint'],
    4: ['doubleValue', 'double'],
    5: ['arrayValue', 'ArrayValue'],
  },
  ArrayValue: { 1: ['values', 'AnyValue*'] },
}

const wireTypes: Readonly<Record<string, number>> = { varint: 0, fixed64: 1, double: 1, fixed32: 5 }

/** A message: its fields by name. Numbers of 64 bits are texts, and bytes are hexadecimal, as in OTLP's JSON. */
export type Decoded = Readonly<Record<string, unknown>>

/** Decodes a request strictly. @throws for an unknown field, a wrong type, or bytes that are cut */
export function decodeRequest(bytes: Uint8Array): Decoded {
  return new Reader(Buffer.from(bytes)).message('Request')
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  message(type: string): Decoded {
    const schema = schemas[type]
    if (!schema) throw new Error(`there is no message ${type}`)
    const found: Record<string, unknown> = {}
    while (this.#at < this.#bytes.length) {
      const tag = Number(this.#varint())
      const field = schema[tag >>> 3]
      if (!field) throw new Error(`${type} has the unknown field ${tag >>> 3}`)
      const [name, declared] = field
      const isList = declared.endsWith('*')
      const value = this.#value(isList ? declared.slice(0, -1) : declared, tag & 7)
      if (!isList && name in found) throw new Error(`${type}.${name} comes twice`)
      const list = found[name]
      found[name] = isList ? [...(Array.isArray(list) ? list : []), value] : value
    }
    return found
  }

  #value(type: string, wireType: number): unknown {
    const wanted = wireTypes[type] ?? 2
    if (wireType !== wanted) throw new Error(`a ${type} has the wire type ${wireType}`)
    switch (type) {
      case 'varint':
        return String(this.#varint())
      case 'fixed64':
        return String(this.#take(8).readBigUInt64LE())
      case 'double':
        return this.#take(8).readDoubleLE()
      case 'fixed32':
        return this.#take(4).readUInt32LE()
      default:
        return this.#delimited(type, this.#take(Number(this.#varint())))
    }
  }

  #delimited(type: string, bytes: Buffer): unknown {
    if (type === 'bytes') return bytes.toString('hex')
    return type === 'string' ? utf8.decode(bytes) : new Reader(bytes).message(type)
  }

  #varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#take(1).readUInt8()
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
    throw new Error('a varint has no end')
  }

  #take(count: number): Buffer {
    const end = this.#at + count
    if (end > this.#bytes.length) throw new Error('the message is cut')
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }
}
