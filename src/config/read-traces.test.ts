import { describe, expect, test } from 'bun:test'
import { readConfig } from './config.ts'
import type { RawVariables } from './spelled-values.ts'

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' }

function tracesOf(variables: RawVariables) {
  const config = readConfig(variables, false)
  if ('problems' in config) throw new Error(JSON.stringify(config.problems))
  return config.traces
}

function problemsOf(variables: RawVariables) {
  const config = readConfig({ ...endpoint, ...variables }, false)
  return 'problems' in config ? config.problems.map(({ variable, problem }) => `${variable} ${problem}`) : []
}

describe('traces are off', () => {
  for (const variables of [
    {},
    { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_TRACES_SAMPLER: 'xray', OTEL_EXPORTER_OTLP_HEADERS: '=' },
    { ...endpoint, OTEL_SDK_DISABLED: 'true' },
    { ...endpoint, OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
  ])
    test(`with ${JSON.stringify(variables)}`, () => expect(tracesOf(variables)).toBeUndefined())
})

test('an endpoint is enough', () => {
  expect(tracesOf(endpoint)).toEqual({
    url: 'http://collector:4318/v1/traces',
    protocol: 'http/protobuf',
    headers: {},
    compresses: false,
    timeoutMs: 10_000,
    sampler: 'parentbased_always_on',
    ratio: 1,
    resource: { 'service.name': 'tributary' },
    keepsTexts: false,
    propagates: true,
    batch: { delayMs: 5_000, maxWaiting: 2_048, maxSpans: 512 },
  })
})

test('a variable for traces alone wins', () => {
  const traces = tracesOf({
    ...endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-all=1',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://traces:4318/own',
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'Authorization=Bearer%20a-key-for-traces%3D%3D, x-team = lab ',
    OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'gzip',
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '500',
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
  })
  expect(traces).toMatchObject({
    ...{ url: 'https://traces:4318/own', protocol: 'http/json', compresses: true, timeoutMs: 500 },
    ...{ sampler: 'parentbased_traceidratio', ratio: 0.25 },
  })
  const headers = Object.entries(traces?.headers ?? {}).map(([name, value]) => [name, value.reveal()])
  expect(headers).toEqual([
    ['authorization', 'Bearer a-key-for-traces=='],
    ['x-team', 'lab'],
  ])
})

test('a header is shown nowhere', () => {
  const config = readConfig({ ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'authorization=a-key-for-traces' }, false)
  expect(JSON.stringify(config)).not.toContain('a-key-for-traces')
})

for (const [written, isOn] of [
  ['true', true],
  ['SPAN_ONLY', true],
  ['span_and_event', true],
  ['NO_CONTENT', false],
  ['false', false],
] as const)
  test(`the texts are ${isOn ? 'on' : 'off'} with ${written}`, () => {
    const traces = tracesOf({ ...endpoint, OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: written })
    expect(traces).toMatchObject({ keepsTexts: isOn, batch: { maxSpans: isOn ? 32 : 512 } })
  })

describe('a value that is wrong is named:', () => {
  const cases: readonly (readonly [variables: RawVariables, problem: string])[] = [
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' }, 'OTEL_EXPORTER_OTLP_ENDPOINT is not an http or https URL'],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, 'OTEL_EXPORTER_OTLP_PROTOCOL is not one of its allowed words'],
    [
      { OTEL_EXPORTER_OTLP_HEADERS: 'content-type=a' },
      'OTEL_EXPORTER_OTLP_HEADERS is not a list of headers, or has a header that is already set',
    ],
    [
      { OTEL_EXPORTER_OTLP_HEADERS: 'a=%zz' },
      'OTEL_EXPORTER_OTLP_HEADERS is not a list of headers, or has a header that is already set',
    ],
    [{ OTEL_TRACES_SAMPLER: 'xray' }, 'OTEL_TRACES_SAMPLER is not one of its allowed words'],
    [
      { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' },
      'OTEL_TRACES_SAMPLER_ARG is not a number from 0 to 1',
    ],
    [{ OTEL_RESOURCE_ATTRIBUTES: 'name' }, 'OTEL_RESOURCE_ATTRIBUTES is not a list of `name=value`'],
    [{ OTEL_PROPAGATORS: 'b3' }, 'OTEL_PROPAGATORS has a format that is not supported'],
    [
      { OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'EVENT_ONLY' },
      'OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT is not one of its allowed words',
    ],
  ]
  for (const [variables, problem] of cases) test(problem, () => expect(problemsOf(variables)).toEqual([problem]))
})
