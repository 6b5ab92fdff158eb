import { percentDecoded } from '../chat/percent-decoded.ts'
import { Secret } from '../chat/secret.ts'
import { samplerNames, type TracesConfig } from '../traces/traces-config.ts'
import type { Environment } from './environment.ts'
import { isHeader } from './is-header.ts'
import { yesAndNo } from './read-value.ts'

const otlp = 'OTEL_EXPORTER_OTLP'
const captures = 'OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT'

/** Every variable of traces. They are OpenTelemetry's, and other programs read them too. */
const names: readonly string[] = [
  ...['ENDPOINT', 'PROTOCOL', 'HEADERS', 'TIMEOUT', 'COMPRESSION'].flatMap((name) => [
    `${otlp}_${name}`,
    `${otlp}_TRACES_${name}`,
  ]),
  'OTEL_SDK_DISABLED',
  'OTEL_TRACES_EXPORTER',
  'OTEL_TRACES_SAMPLER',
  'OTEL_TRACES_SAMPLER_ARG',
  'OTEL_SERVICE_NAME',
  'OTEL_RESOURCE_ATTRIBUTES',
  'OTEL_PROPAGATORS',
  'OTEL_BSP_SCHEDULE_DELAY',
  'OTEL_BSP_MAX_QUEUE_SIZE',
  'OTEL_BSP_MAX_EXPORT_BATCH_SIZE',
  captures,
]

/**
 * Reads where traces are sent. They are off without an endpoint; then the other variables may have any value, because they are often
 * set for all programs of a machine.
 */
export function readTraces(environment: Environment): TracesConfig | undefined {
  for (const name of [`${otlp}_HEADERS`, `${otlp}_TRACES_HEADERS`]) environment.hide(name)
  for (const name of names) environment.text(name)
  const isSet = environment.isSet(`${otlp}_ENDPOINT`) || environment.isSet(`${otlp}_TRACES_ENDPOINT`)
  if (!isSet || isTurnedOff(environment)) return undefined
  const url = urlIn(environment)
  if (url === undefined) return undefined
  const keepsTexts = readCapture(environment)
  return {
    url,
    protocol: environment.choice(oneOfTwo(environment, 'PROTOCOL'), ['http/protobuf', 'http/json']) ?? 'http/protobuf',
    headers: readHeaders(environment),
    compresses: environment.choice(oneOfTwo(environment, 'COMPRESSION'), ['gzip', 'none']) === 'gzip',
    timeoutMs: environment.integer(oneOfTwo(environment, 'TIMEOUT'), { fallback: 10_000, min: 1, max: 600_000 }),
    ...readSampler(environment),
    resource: readResource(environment),
    keepsTexts,
    propagates: readPropagators(environment),
    batch: readBatch(environment, keepsTexts),
  }
}

function isTurnedOff(environment: Environment): boolean {
  const isDisabled = environment.flag('OTEL_SDK_DISABLED')
  return environment.choice('OTEL_TRACES_EXPORTER', ['otlp', 'none']) === 'none' || isDisabled
}

/** The variable for traces alone wins over that for all signals. */
function oneOfTwo(environment: Environment, name: string): string {
  const own = `${otlp}_TRACES_${name}`
  return environment.isSet(own) ? own : `${otlp}_${name}`
}

/** Only the endpoint for all signals gets a path. OpenTelemetry, OTLP exporter, "Endpoint URLs for OTLP/HTTP" */
function urlIn(environment: Environment): string | undefined {
  const own = `${otlp}_TRACES_ENDPOINT`
  if (environment.isSet(own)) return environment.url(own)
  const base = environment.url(`${otlp}_ENDPOINT`)
  return base === undefined ? undefined : `${base}/v1/traces`
}

/** Reads `name=value,name=value`, with `%` encoding. @returns undefined if the text is not of that form */
function pairsIn(text: string): readonly (readonly [name: string, value: string])[] | undefined {
  const pairs: (readonly [string, string])[] = []
  for (const item of text.split(',').filter((each) => each.trim() !== '')) {
    const equals = item.indexOf('=')
    const name = item.slice(0, Math.max(0, equals)).trim()
    const value = percentDecoded(item.slice(equals + 1).trim())
    if (name === '' || value === undefined) return undefined
    pairs.push([name, value])
  }
  return pairs
}

function readHeaders(environment: Environment): Readonly<Record<string, Secret>> {
  const variable = oneOfTwo(environment, 'HEADERS')
  const pairs = pairsIn(environment.text(variable) ?? '')
  if (pairs?.every(([name, value]) => isHeader(name, value))) {
    for (const [, value] of pairs) new Secret(value.split(' ').at(-1) ?? value)
    return Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), new Secret(value)]))
  }
  environment.report({
    variable,
    problem: 'is not a list of headers, or has a header that is already set',
    remedy: 'for example authorization=Bearer%20KEY,x-team=lab, with %20 for a space',
  })
  return {}
}

function readSampler(environment: Environment): Pick<TracesConfig, 'sampler' | 'ratio'> {
  const sampler = environment.choice('OTEL_TRACES_SAMPLER', samplerNames) ?? 'parentbased_always_on'
  const text = environment.text('OTEL_TRACES_SAMPLER_ARG')
  const ratio = text === undefined ? 1 : Number(text)
  const isRatio = ratio >= 0 && ratio <= 1
  if (sampler.endsWith('ratio') && !isRatio)
    environment.report({
      variable: 'OTEL_TRACES_SAMPLER_ARG',
      problem: 'is not a number from 0 to 1',
      remedy: 'for example 0.1 for one trace of ten',
    })
  return { sampler, ratio: isRatio ? ratio : 1 }
}

function readResource(environment: Environment): Readonly<Record<string, string>> {
  const variable = 'OTEL_RESOURCE_ATTRIBUTES'
  const pairs = pairsIn(environment.text(variable) ?? '')
  if (!pairs)
    environment.report({
      variable,
      problem: 'is not a list of `name=value`',
      remedy: 'for example deployment.environment.name=production,service.namespace=lab',
    })
  const named = environment.text('OTEL_SERVICE_NAME')
  return {
    'service.name': 'tributary',
    ...Object.fromEntries(pairs ?? []),
    ...(named !== undefined && { 'service.name': named }),
  }
}

/** Baggage is never passed on: it may have anything, and an upstream is another company. */
function readPropagators(environment: Environment): boolean {
  const wanted = environment.list('OTEL_PROPAGATORS') ?? ['tracecontext']
  const unknown = wanted.find((name) => !['tracecontext', 'baggage', 'none'].includes(name))
  if (unknown !== undefined)
    environment.report({
      variable: 'OTEL_PROPAGATORS',
      problem: 'has a format that is not supported',
      remedy: 'use tracecontext, or none',
    })
  return wanted.includes('tracecontext')
}

/** OpenTelemetry's words for it, old and new. We have attributes of spans, and no events. */
function readCapture(environment: Environment): boolean {
  const synonyms = { ...yesAndNo, span_only: 'true', span_and_event: 'true', no_content: 'false' } as const
  return environment.choice(captures, ['true', 'false'], synonyms) === 'true'
}

/** Spans with texts are long, so fewer of them go into one export. */
function readBatch(environment: Environment, keepsTexts: boolean): TracesConfig['batch'] {
  const maxWaiting = environment.integer('OTEL_BSP_MAX_QUEUE_SIZE', { fallback: 2_048, min: 1, max: 100_000 })
  const most = environment.integer('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', {
    fallback: keepsTexts ? 32 : 512,
    min: 1,
    max: 10_000,
  })
  return {
    delayMs: environment.integer('OTEL_BSP_SCHEDULE_DELAY', { fallback: 5_000, min: 1, max: 600_000 }),
    maxWaiting,
    maxSpans: Math.min(most, maxWaiting),
  }
}
