/** Traces, as a strict collector receives them, with the context of W3C across the client, the gateway, upstreams and tool servers. */
import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { isFields } from '../../src/dialects/fields.ts'
import { until } from '../waiting.ts'
import { OtlpReceiver, type ReceivedSpan, treeOf } from './otlp-receiver.ts'
import { clientKey, startToolServer, startTraced, startUpstream, upstreamKey } from './rig.ts'

const receiver = new OtlpReceiver()
const upstream = startUpstream()
const toolServer = startToolServer()
const lab = {
  UPSTREAM_LAB_URL: `${upstream.url}/v1`,
  UPSTREAM_LAB_KEY: upstreamKey,
  UPSTREAM_LAB_MODELS: 'm,broken,slow',
  MCP_SERVERS: JSON.stringify({ mcpServers: { lab: { url: `${toolServer.url}/mcp` } } }),
}
const gateway = startTraced(receiver.url, {
  ...lab,
  OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test%20bench,service.name=other',
  OTEL_SERVICE_NAME: 'the-gateway',
  OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20otlp-secret-0123456789',
  OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
})

afterAll(async () => {
  await gateway.close()
  await Promise.all([receiver.close(), upstream.close(), toolServer.close()])
})
afterEach(() => {
  const { faults } = receiver
  receiver.clear()
  upstream.seen.length = 0
  toolServer.seen.length = 0
  expect(faults).toEqual([])
})

const remote = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }
const traced = { traceparent: `00-${remote.traceId}-${remote.spanId}-01`, tracestate: 'vendor=a:b,other=1' }

async function ask(
  body: object,
  { url = gateway.url, path = '/v1/chat/completions', headers = {}, signal }: AskOptions = {},
) {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${clientKey}`, ...headers },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

interface AskOptions {
  readonly url?: string
  readonly path?: string
  readonly headers?: Record<string, string>
  readonly signal?: AbortSignal
}

const prompt = [{ role: 'user', content: 'the-prompt' }]
const named = (name: string) => {
  const found = receiver.spans.find((span) => span.name === name)
  if (!found) throw new Error(`there is no span ${name}: ${receiver.spans.map((span) => span.name)}`)
  return found
}
const parentOf = (headers: Headers | undefined) => headers?.get('traceparent')
const sentBy = ({ traceId, spanId }: ReceivedSpan) => `00-${traceId}-${spanId}-01`

describe('a request that runs a tool', () => {
  test('is one tree, and every server is told its place in it', async () => {
    const { status } = await ask({ model: 'lab/m:tools', messages: prompt, temperature: 0.5 }, { headers: traced })
    expect(status).toBe(200)
    const spans = await receiver.waitFor(6)
    expect(treeOf(spans, remote.spanId)).toEqual([
      'POST /v1/chat/completions',
      '  chat m',
      '    POST',
      '  execute_tool lab__echo',
      '  chat m',
      '    POST',
    ])
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([remote.traceId]))
    expect(new Set(spans.map(({ traceState }) => traceState))).toEqual(new Set([traced.tracestate]))
    const exchanges = spans.filter(({ name }) => name === 'POST')
    expect(upstream.seen.map(({ headers }) => parentOf(headers))).toEqual(exchanges.map(sentBy))
    expect(upstream.seen[0]?.headers.get('tracestate')).toBe(traced.tracestate)
    const called = toolServer.seen.find(({ body }) => isFields(body) && body.method === 'tools/call')
    const tool = sentBy(named('execute_tool lab__echo'))
    expect(parentOf(called?.headers)).toBe(tool)
    expect(called?.body).toMatchObject({ params: { _meta: { traceparent: tool, tracestate: traced.tracestate } } })
  })

  test('has the attributes of the conventions, and no text', async () => {
    await ask({ model: 'lab/m:tools', messages: prompt, temperature: 0.5, max_tokens: 50, stop: ['the-stop'] })
    await receiver.waitFor(6)
    expect(named('chat m')).toMatchObject({ kind: 3, status: { code: 0 } })
    expect(receiver.spans.findLast(({ name }) => name === 'chat m')?.attributes).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'lab',
      'gen_ai.request.model': 'm',
      'gen_ai.request.temperature': 0.5,
      'gen_ai.request.max_tokens': 50,
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.response.time_to_first_chunk': expect.any(Number),
      'gen_ai.usage.input_tokens': 11,
      'gen_ai.usage.output_tokens': 7,
      'gen_ai.usage.cache_read.input_tokens': 5,
      'gen_ai.usage.reasoning.output_tokens': 3,
      'tributary.upstream': 'lab',
      'tributary.account': 'UPSTREAM_LAB_KEY',
      'tributary.outcome': 'ok',
    })
    expect(named('execute_tool lab__echo')).toMatchObject({
      kind: 3,
      attributes: {
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': 'lab__echo',
        'gen_ai.tool.call.id': 'call_1',
        'mcp.method.name': 'tools/call',
        'tributary.tool.server': 'lab',
      },
    })
    expect(named('POST').attributes).toEqual({
      'http.request.method': 'POST',
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(upstream.url).port),
      'http.response.status_code': 200,
    })
    expect(named('POST /v1/chat/completions')).toMatchObject({
      kind: 2,
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/v1/chat/completions',
        'http.response.status_code': 200,
        'tributary.surface': 'openai',
        'tributary.model': 'lab/m:tools',
        'tributary.outcome': 'ok',
        'tributary.attempts': 2,
        'tributary.input_tokens': 22,
      },
    })
    expect(JSON.stringify(receiver.spans)).not.toMatch(/the-(prompt|answer|argument|stop)|sk-traces|otlp-secret/)
  })
})

test('the resource, the headers and the log say what the variables say', async () => {
  await ask({ model: 'lab/m', messages: prompt }, { headers: { ...traced, 'x-request-id': 'logged' } })
  await receiver.waitFor(3)
  expect(receiver.resources[0]).toMatchObject({
    'service.name': 'the-gateway',
    'service.version': '1',
    'service.instance.id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    'deployment.environment.name': 'test bench',
  })
  expect(receiver.headers[0]?.get('authorization')).toBe('Bearer otlp-secret-0123456789')
  expect(gateway.lines.findLast((line) => line.includes('"logged"'))).toContain(`"traceId":"${remote.traceId}"`)
})

test('a stream, embeddings and a route with a name in it have spans of their own kind', async () => {
  await ask({ model: 'lab/m', messages: prompt, stream: true })
  await receiver.waitFor(3)
  expect(named('chat m').attributes).toMatchObject({
    'gen_ai.request.stream': true,
    'gen_ai.response.finish_reasons': ['length'],
    'gen_ai.usage.output_tokens': 7,
  })
  expect(named('POST /v1/chat/completions').attributes).toMatchObject({ 'tributary.streamed': true })
  receiver.clear()
  await ask({ model: 'lab/m', input: 'the-prompt' }, { path: '/v1/embeddings' })
  await receiver.waitFor(3)
  expect(treeOf(receiver.spans)).toEqual(['POST /v1/embeddings', '  embeddings m', '    POST'])
  receiver.clear()
  await ask({}, { path: '/v1/responses/the-prompt/cancel' })
  await receiver.waitFor(1)
  expect(treeOf(receiver.spans)).toEqual(['POST /v1/responses/{id}/cancel'])
  expect(JSON.stringify(receiver.spans)).not.toContain('the-prompt')
})

describe('a failure', () => {
  test('of an upstream is an error of its attempts and of the request, without the words of the upstream', async () => {
    const { status } = await ask({ model: 'lab/broken', messages: prompt })
    const spans = await receiver.waitFor(5)
    expect(treeOf(spans)).toEqual([
      'POST /v1/chat/completions',
      '  chat broken',
      '    POST',
      '  chat broken',
      '    POST',
    ])
    expect(named('POST /v1/chat/completions')).toMatchObject({
      status: { code: 2 },
      attributes: {
        'http.response.status_code': status,
        'error.type': 'upstream_error',
        'tributary.outcome': 'upstream_error',
      },
    })
    expect(named('chat broken')).toMatchObject({ status: { code: 2 }, attributes: { 'error.type': 'upstream_error' } })
    expect(named('POST')).toMatchObject({ status: { code: 2 }, attributes: { 'error.type': '500' } })
    expect(JSON.stringify(spans)).not.toContain('the-prompt')
  })

  test('of the client is no error of the gateway', async () => {
    await ask({ model: 'lab/m' })
    await receiver.waitFor(1)
    expect(named('POST /v1/chat/completions')).toMatchObject({
      status: { code: 0 },
      attributes: { 'http.response.status_code': 400, 'error.type': expect.any(String) },
    })
  })

  test('is no error if the client has left', async () => {
    const client = new AbortController()
    const asked = ask({ model: 'lab/slow', messages: prompt }, { signal: client.signal }).catch(() => undefined)
    await until(() => upstream.seen.length === 1, 30_000, 'the request')
    client.abort()
    await asked
    const spans = await receiver.waitFor(3)
    expect(treeOf(spans)).toEqual(['POST /v1/chat/completions', '  chat slow', '    POST'])
    expect(spans.map(({ status }) => status.code)).toEqual([0, 0, 0])
    expect(named('chat slow').attributes['tributary.outcome']).toBe('client_closed')
  })
})

describe('a client that', () => {
  test('does not keep its trace is not traced, and the upstream is told so', async () => {
    const { traceId, spanId } = remote
    await ask({ model: 'lab/m', messages: prompt }, { headers: { traceparent: `00-${traceId}-${spanId}-00` } })
    expect(parentOf(upstream.seen[0]?.headers)).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`))
    await ask({ model: 'lab/m', messages: prompt })
    const spans = await receiver.waitFor(3)
    expect(spans.every((span) => span.traceId !== traceId)).toBe(true)
  })

  test('sends a context that is wrong begins a new trace', async () => {
    for (const traceparent of [
      '00-0-0-01',
      `ff-${remote.traceId}-${remote.spanId}-01`,
      `00-${'0'.repeat(32)}-${remote.spanId}-01`,
    ]) {
      await ask(
        { model: 'lab/m', messages: prompt },
        { headers: { traceparent, tracestate: `a=${'x'.repeat(5_000)}` } },
      )
      const spans = await receiver.waitFor(3)
      expect(treeOf(spans)[0]).toBe('POST /v1/chat/completions')
      expect(spans[0]?.traceState).toBeUndefined()
      receiver.clear()
    }
  })
})

test("the operator's own looks are not traced", async () => {
  for (const path of ['/admin/upstreams', '/admin/settings', '/health', '/ready'])
    await fetch(`${gateway.url}${path}`, { headers: { authorization: `Bearer ${clientKey}` } })
  await ask({ model: 'lab/m', messages: prompt })
  expect(treeOf(await receiver.waitFor(3))).toHaveLength(3)
})

describe('with the texts', () => {
  test('messages, answers and tools are in the spans, without secrets, and the client is told', async () => {
    const own = startTraced(receiver.url, {
      ...lab,
      OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'SPAN_ONLY',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_PROPAGATORS: 'none',
    })
    try {
      const messages = [{ role: 'user', content: `the-prompt ${upstreamKey}` }]
      const { headers } = await ask({ model: 'lab/m:tools', messages }, { url: own.url, headers: traced })
      expect(headers.get('x-tributary-recorded')).toBe('true')
      const spans = await receiver.waitFor(6)
      const last = spans.findLast(({ name }) => name === 'chat m')?.attributes ?? {}
      expect(JSON.parse(String(last['gen_ai.input.messages']))).toEqual([
        { role: 'user', parts: [{ type: 'text', content: 'the-prompt [secret]' }] },
        {
          role: 'assistant',
          parts: [{ type: 'tool_call', id: 'call_1', name: 'lab__echo', arguments: '{"text":"the-argument"}' }],
        },
        {
          role: 'tool',
          parts: [
            { type: 'tool_call_response', id: 'call_1', response: expect.stringContaining('you said the-argument') },
          ],
        },
      ])
      expect(JSON.parse(String(last['gen_ai.output.messages']))).toEqual([
        { role: 'assistant', parts: [{ type: 'text', content: 'the-answer' }], finish_reason: 'stop' },
      ])
      expect(named('execute_tool lab__echo').attributes).toMatchObject({
        'gen_ai.tool.call.arguments': '{"text":"the-argument"}',
        'gen_ai.tool.call.result': 'you said the-argument',
      })
      // without a propagator no context goes in or out
      expect(spans[0]?.traceId).not.toBe(remote.traceId)
      expect(upstream.seen.map(({ headers: sent }) => parentOf(sent))).toEqual([null, null])
    } finally {
      await own.close()
    }
  })
})

describe('a collector', () => {
  test('that is busy gets the export again', async () => {
    receiver.behaviours.push(503, 429)
    await ask({ model: 'lab/m', messages: prompt })
    expect(treeOf(await receiver.waitFor(3))).toHaveLength(3)
  })

  test('that is gone or silent delays no request, is named once in the log, and the queue is bounded', async () => {
    const own = startTraced(receiver.url, { ...lab, OTEL_BSP_MAX_QUEUE_SIZE: '4', OTEL_EXPORTER_OTLP_TIMEOUT: '50' })
    receiver.behaviours.push(...Array.from({ length: 40 }, () => 'silent' as const))
    for (let at = 0; at < 20; at++)
      expect((await ask({ model: 'lab/m', messages: prompt }, { url: own.url })).status).toBe(200)
    await until(() => own.lines.some((line) => line.includes('traces are lost')), 30_000, 'the line')
    await own.close()
    receiver.behaviours.length = 0
    expect(own.lines.filter((line) => line.includes('traces are lost'))).toHaveLength(1)
  })

  test('that has taken an export gets it once, whatever it says then', async () => {
    const own = startTraced(receiver.url, lab)
    // protobuf: of the export 3 spans were refused
    const partly = Buffer.from('0a020803', 'hex')
    const endless = new ReadableStream({ pull: (body) => body.enqueue(Buffer.alloc(1 << 20)) })
    for (const answer of [new Response(endless), new Response('no protobuf'), new Response(partly)]) {
      receiver.clear()
      receiver.behaviours.push(answer)
      await ask({ model: 'lab/m', messages: prompt }, { url: own.url })
      await receiver.waitFor(3)
    }
    await own.close()
    expect(receiver.spans).toHaveLength(3)
    const lost = own.lines.filter((line) => line.includes('traces are'))
    expect(lost.map((line) => JSON.parse(line))).toMatchObject([
      { msg: 'traces are lost', why: 'the collector refuses some of them', spans: 3 },
    ])
  })

  test('gets all spans of a gateway that stops, also if they are many exports', async () => {
    const own = startTraced(receiver.url, { ...lab, OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1' })
    const held = Promise.withResolvers<void>()
    receiver.held = held.promise
    for (let at = 0; at < 4; at++) await ask({ model: 'lab/m', messages: prompt }, { url: own.url })
    receiver.behaviours.push(200, 400)
    const closed = own.close()
    await until(() => receiver.headers.length >= 3, 30_000, 'the first exports')
    held.resolve()
    await closed
    expect(receiver.spans).toHaveLength(11)
  })

  test('gets the last spans of a gateway that stops', async () => {
    const own = startTraced(receiver.url, { ...lab, OTEL_BSP_SCHEDULE_DELAY: '600000' })
    await ask({ model: 'lab/m', messages: prompt }, { url: own.url })
    expect(receiver.spans).toHaveLength(0)
    await own.close()
    expect(treeOf(receiver.spans)).toHaveLength(3)
  })
})
