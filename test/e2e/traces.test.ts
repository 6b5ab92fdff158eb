import { beforeAll, expect, test } from 'bun:test'
import { OtlpReceiver, treeOf } from '../traces/otlp-receiver.ts'
import { startUpstream } from '../traces/rig.ts'
import { build, start } from './program.ts'

beforeAll(build, 120_000)

test('the executable sends its spans, the last of them when it is stopped', async () => {
  const receiver = new OtlpReceiver()
  const upstream = startUpstream()
  await using program = await start({
    ...{ UPSTREAM_LAB_URL: `${upstream.url}/v1`, UPSTREAM_LAB_MODELS: 'm', LOG_FORMAT: 'json' },
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20a-key-for-traces',
    OTEL_BSP_SCHEDULE_DELAY: '600000',
  })
  const response = await fetch(`${program.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'lab/m', messages: [{ role: 'user', content: 'the-prompt' }] }),
  })
  expect(response.status).toBe(200)
  await response.text()
  expect(receiver.spans).toHaveLength(0)
  expect(await program.stop('SIGTERM')).toBe(0)
  expect(receiver.faults).toEqual([])
  expect(treeOf(receiver.spans)).toEqual(['POST /v1/chat/completions', '  chat m', '    POST'])
  expect(receiver.headers[0]?.get('authorization')).toBe('Bearer a-key-for-traces')
  expect(upstream.seen[0]?.headers.get('traceparent')).toContain(receiver.spans[0]?.traceId ?? 'none')
  expect(program.output() + JSON.stringify(receiver.spans)).not.toMatch(/a-key-for-traces|the-prompt/)
  await Promise.all([receiver.close(), upstream.close()])
})
