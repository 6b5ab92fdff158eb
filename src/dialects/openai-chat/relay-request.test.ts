import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../../test/sizes.ts'
import { type ChatRequest, withModel } from '../../chat/request.ts'
import { decodePlainRequest, decodeSteps } from './decode-request.ts'
import { encodeRequest } from './encode-request.ts'
import { relayRequest } from './relay-request.ts'

const words = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', 'model', '"model"', '\\u006d', '"model":"m"', 'é'),
)
/** Mostly a value of the documented type, and sometimes another. */
const or = <T>(right: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 40, arbitrary: right }, { weight: 1, arbitrary: fc.constantFrom(null, '', 0, [], {}) })
const text = fc.record(
  { type: or(fc.constant('text')), text: or(words), cache_control: or(fc.constant({ type: 'x' })) },
  { requiredKeys: ['type', 'text'] },
)
const image = fc.record({
  type: fc.constant('image_url'),
  image_url: or(fc.record({ url: or(words), detail: or(words), more: words }, { requiredKeys: ['url'] })),
})
const content = or(fc.oneof(words, fc.array(or(fc.oneof(text, image)), { maxLength: 3 })))
const call = fc.record(
  {
    id: or(words),
    type: or(fc.constant('function')),
    function: or(fc.record({ name: or(words), arguments: or(words) })),
    index: fc.nat(),
  },
  { requiredKeys: ['id', 'type', 'function'] },
)
const message = fc.oneof(
  fc.record(
    { role: or(fc.constantFrom('user', 'system', 'developer')), content, name: or(words) },
    { requiredKeys: ['role', 'content'] },
  ),
  fc.record(
    {
      role: fc.constant('assistant'),
      content: or(words),
      tool_calls: or(fc.array(or(call), { maxLength: 2 })),
      reasoning_content: or(words),
      refusal: words,
    },
    { requiredKeys: ['role', 'content'] },
  ),
  fc.record({ role: fc.constant('tool'), content, tool_call_id: or(words) }),
)
const tool = { type: 'function', function: { name: 'f', parameters: { model: 'm' } } }
const usual = or(fc.constantFrom({ include_usage: true }, { include_usage: true, more: 1 }, { include_usage: false }))
const others = fc.oneof(
  fc.record({ stream: or(fc.boolean()) }),
  fc.record({ stream: fc.constant(true), stream_options: usual }),
  fc.record({ temperature: or(fc.constantFrom(0, 1, '0.7')), max_tokens: or(fc.nat()) }),
  fc.record({ stop: or(fc.oneof(words, fc.array(words))) }),
  fc.record({ tools: or(fc.array(fc.constant(tool), { maxLength: 2 })), functions: or(fc.constant([tool.function])) }),
  fc.record({ vendor: fc.jsonValue() }),
)
const body = fc
  .tuple(
    fc.record({
      model: fc.oneof(fc.constantFrom('m', 'model', 'a/b'), words),
      messages: fc.array(or(message), { minLength: 1, maxLength: 2 }),
    }),
    fc.array(others, { maxLength: 2 }),
  )
  .map(([needed, more]) => ({ ...needed, ...Object.assign({}, ...more) }))
const written = fc.tuple(body, fc.constantFrom(undefined, 1, '\t'), fc.boolean()).map(([value, indent, isTurned]) => {
  const turned = isTurned ? Object.fromEntries(Object.entries(value).reverse()) : value
  return JSON.stringify(turned, null, indent)
})

function plain(json: string): ChatRequest | undefined {
  try {
    return decodePlainRequest(JSON.parse(json), new TextEncoder().encode(json))?.request
  } catch {
    return undefined
  }
}

function parsed(pieces: readonly Uint8Array[]): unknown {
  return JSON.parse(Buffer.concat(pieces).toString())
}

describe('a plain request', () => {
  test('is decoded as any other', () => {
    let count = 0
    fc.assert(
      fc.property(written, (json) => {
        const found = plain(json)
        if (!found) return
        count++
        const { native: _, prompt, ...request } = found
        const steps = decodeSteps(JSON.parse(json)).next()
        const { prompt: fullPrompt, ...full } = steps.done ? steps.value.request : found
        expect(full).toEqual(request)
        expect(fullPrompt?.()).toEqual(prompt?.())
      }),
      { numRuns: runs(5_000) },
    )
    expect(count).toBeGreaterThan(runs(5_000) / 10)
  })

  test('is relayed with the meaning that the encoder gives it', () => {
    let count = 0
    fc.assert(
      fc.property(written, fc.constantFrom('m', 'other "name"', 'é'), (json, model) => {
        const found = plain(json)
        const request = found && withModel(found, model)
        const pieces = request && relayRequest(request)
        if (!pieces) return
        count++
        const encoded = JSON.parse(JSON.stringify(encodeRequest(request)))
        const { stream, stream_options: options } = JSON.parse(json)
        const usage = stream && { stream_options: { ...options, include_usage: true } }
        expect(parsed(pieces)).toEqual({ ...encoded, ...(stream !== undefined && { stream }), ...usage })
      }),
      { numRuns: runs(5_000) },
    )
    expect(count).toBeGreaterThan(runs(5_000) / 20)
  })
})

const hello = { role: 'user', content: 'Hello' }

function request(sent: object): ChatRequest {
  const found = plain(JSON.stringify({ model: 'm', messages: [hello], ...sent }))
  if (!found) throw new Error('the body is not plain')
  return found
}

describe('a changed request is not relayed', () => {
  const changes: Record<string, (sent: ChatRequest) => Partial<ChatRequest>> = {
    messages: ({ messages }) => ({ messages: [...messages] }),
    parameters: ({ parameters }) => ({ parameters: { ...parameters } }),
    extra: () => ({ extra: {} }),
    sent: () => ({ sent: {} }),
    spelling: () => ({ spelling: {} }),
  }
  for (const [name, change] of Object.entries(changes))
    test(name, () => {
      const sent = request({ temperature: 1 })
      expect(relayRequest({ ...sent })).toBeDefined()
      expect(relayRequest({ ...sent, ...change(sent) })).toBeUndefined()
    })

  test('a parameter that the service calls otherwise', () => {
    const sent = request({ max_completion_tokens: 5 })
    expect(relayRequest(sent, { maxTokens: 'max_completion_tokens', seed: 'random_seed' })).toBeDefined()
    expect(relayRequest(sent, { maxTokens: 'max_tokens' })).toBeUndefined()
  })
})

test('the same bytes leave if nothing must change', () => {
  const sent = request({ stream: true, stream_options: { include_usage: true } })
  const [bytes, ...others] = relayRequest(sent) ?? []
  expect([JSON.parse(Buffer.from(bytes ?? []).toString()), others]).toEqual([
    { model: 'm', messages: [hello], stream: true, stream_options: { include_usage: true } },
    [],
  ])
})

describe('a body is encoded if the place of the model in it is not certain', () => {
  const bodies: Record<string, string> = {
    'a second member of that name': '{"metadata":{"model":"m"},"model":"m","messages":[{"role":"user","content":"a"}]}',
    'the name written with an escape': '{"mod\\u0065l":"m","messages":[{"role":"user","content":"a"}],"user":"model"}',
    'the value written with an escape': '{"model":"\\u006d","messages":[{"role":"user","content":"a"}]}',
    'white space before the body': ' {"model":"m","messages":[{"role":"user","content":"a"}]}',
  }
  for (const [name, json] of Object.entries(bodies))
    test(name, () => {
      const found = plain(json)
      expect(found && relayRequest(withModel(found, 'm'))).toBeDefined()
      expect(found && relayRequest(withModel(found, 'other'))).toBeUndefined()
    })
})

test('a model at the beginning of the body is replaced, also if another member contains a model', () => {
  const json = '{ "model":"m","messages":[{"role":"user","content":"\\u0061"}],"metadata":{"model":"m"}}'
  const found = plain(json)
  const pieces = found && relayRequest(withModel(found, 'other'))
  expect(Buffer.concat(pieces ?? []).toString()).toBe(json.replace('"m"', '"other"'))
})
