import { gunzipSync } from 'node:zlib'
import { z } from 'zod'
import { until } from '../waiting.ts'
import { decodeRequest } from './protobuf.ts'

const hex = (bytes: number) => z.string().regex(new RegExp(`^(?!0+$)[0-9a-f]{${bytes * 2}}$`))
const nanos = z.string().regex(/^1\d{18}$/)
const count = z.union([z.literal(0), z.literal('0')]).optional()
const integer = z.union([z.number().int(), z.string().regex(/^\d+$/)]).transform(Number)

const AnyValue: z.ZodType<unknown> = z.lazy(() =>
  z.union([
    z.strictObject({ stringValue: z.string() }).transform(({ stringValue }) => stringValue),
    z
      .strictObject({ boolValue: z.union([z.boolean(), z.enum(['0', '1'])]) })
      .transform(({ boolValue }) => boolValue === true || boolValue === '1'),
    z.strictObject({ intValue: integer }).transform(({ intValue }) => intValue),
    z.strictObject({ doubleValue: z.number() }).transform(({ doubleValue }) => doubleValue),
    z
      .strictObject({ arrayValue: z.strictObject({ values: z.array(AnyValue) }) })
      .transform(({ arrayValue }) => arrayValue.values),
  ]),
)

/** Attributes by name. None comes twice. */
const Attributes = z
  .array(z.strictObject({ key: z.string().min(1), value: AnyValue }))
  .refine((list) => new Set(list.map(({ key }) => key)).size === list.length, 'an attribute comes twice')
  .transform((list) => Object.fromEntries(list.map(({ key, value }) => [key, value])))

const Event = z.strictObject({
  timeUnixNano: nanos,
  name: z.string().min(1),
  attributes: Attributes.default({}),
  droppedAttributesCount: count,
})

const Span = z
  .strictObject({
    traceId: hex(16),
    spanId: hex(8),
    traceState: z.string().min(1).optional(),
    parentSpanId: hex(8).optional(),
    name: z.string().min(1).max(300),
    kind: integer.refine((kind) => kind >= 1 && kind <= 5),
    startTimeUnixNano: nanos,
    endTimeUnixNano: nanos,
    attributes: Attributes.default({}),
    droppedAttributesCount: count,
    events: z.array(Event).default([]),
    droppedEventsCount: count,
    links: z.array(z.never()).default([]),
    droppedLinksCount: count,
    status: z.strictObject({ code: integer.default(0), message: z.string().optional() }).default({ code: 0 }),
    flags: integer,
  })
  .refine(({ startTimeUnixNano, endTimeUnixNano }) => startTimeUnixNano <= endTimeUnixNano, 'it ends before it begins')
  .refine(({ flags }) => (flags & 1) === 1, 'a span that was not sampled was sent')

const Request = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes: Attributes, droppedAttributesCount: count }),
      scopeSpans: z.array(
        z.strictObject({
          scope: z.strictObject({ name: z.literal('tributary'), version: z.string().min(1) }),
          spans: z.array(Span).min(1),
        }),
      ),
    }),
  ),
})

export type ReceivedSpan = z.infer<typeof Span>

/** What the receiver does with an export: a status, `silent` for no answer, or its own answer to an export that it takes. */
type Behaviour = number | 'silent' | Response

/** A collector that accepts only what OTLP allows, and remembers every span. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = []
  readonly resources: Readonly<Record<string, unknown>>[] = []
  readonly headers: Headers[] = []
  /** What was wrong with exports. */
  readonly faults: string[] = []
  /** The exports that have come are answered when this has settled. */
  held: Promise<void> = Promise.resolve()
  /** How the next exports are answered; then with 200. */
  readonly behaviours: Behaviour[] = []
  readonly #server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 0,
    fetch: (request) => this.#answer(request),
  })

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`
  }

  /** Resolves with all spans, when there are that many. */
  async waitFor(spans: number): Promise<readonly ReceivedSpan[]> {
    await until(() => this.spans.length >= spans || this.faults.length > 0, 30_000, `${spans} spans`)
    return this.spans
  }

  clear(): void {
    this.spans.length = 0
    this.resources.length = 0
    this.headers.length = 0
  }

  async close(): Promise<void> {
    await this.#server.stop(true)
  }

  async #answer(request: Request): Promise<Response> {
    const behaviour = this.behaviours.shift() ?? 200
    this.headers.push(request.headers)
    if (behaviour === 'silent') return new Promise<Response>(() => undefined)
    await this.held
    if (typeof behaviour === 'number' && behaviour !== 200)
      return new Response('', { status: behaviour, headers: { 'retry-after': '0' } })
    try {
      this.#keep(await decodeBody(request))
    } catch (thrown) {
      this.faults.push(String(thrown))
      return new Response('', { status: 400 })
    }
    if (behaviour instanceof Response) return behaviour
    return new Response('', { headers: { 'content-type': 'application/x-protobuf' } })
  }

  #keep(body: unknown): void {
    for (const { resource, scopeSpans } of Request.parse(body).resourceSpans) {
      this.resources.push(resource.attributes)
      for (const { spans } of scopeSpans) this.spans.push(...spans)
    }
  }
}

async function decodeBody(request: Request): Promise<unknown> {
  const { pathname } = new URL(request.url)
  if (request.method !== 'POST' || pathname !== '/v1/traces') throw new Error(`${request.method} ${pathname}`)
  const sent = Buffer.from(await request.arrayBuffer())
  const bytes = request.headers.get('content-encoding') === 'gzip' ? gunzipSync(sent) : sent
  const type = request.headers.get('content-type')
  if (type === 'application/json') return JSON.parse(bytes.toString('utf8'))
  if (type === 'application/x-protobuf') return decodeRequest(bytes)
  throw new Error(`the type is ${type}`)
}

/** The tree of a trace, as lines of names that are indented by depth. Children are in the order in which they began. @throws if a parent is missing */
export function treeOf(spans: readonly ReceivedSpan[], remote?: string): readonly string[] {
  const ids = new Set(spans.map(({ spanId }) => spanId))
  const lines: string[] = []
  const visit = (parent: string | undefined, depth: number) => {
    const children = spans
      .filter(({ parentSpanId }) => parentSpanId === parent)
      .toSorted((a, b) => Number(BigInt(a.startTimeUnixNano) - BigInt(b.startTimeUnixNano)))
    for (const { name, spanId } of children) {
      lines.push(`${'  '.repeat(depth)}${name}`)
      visit(spanId, depth + 1)
    }
  }
  for (const { name, parentSpanId } of spans)
    if (parentSpanId !== undefined && parentSpanId !== remote && !ids.has(parentSpanId))
      throw new Error(`${name} has a parent that was not received`)
  visit(remote, 0)
  if (lines.length !== spans.length) throw new Error('the spans are no single tree')
  return lines
}
