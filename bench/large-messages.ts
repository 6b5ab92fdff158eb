/** A request and the upstream's reply. One of the two is large. */
export type LargeCase = {
  readonly name: string
  readonly request: string
  readonly reply: LargeReply
  readonly status: number
}

export type LargeReply = { readonly type: string; readonly body: string }

const mega = 1_000_000
const head = { id: 'c', created: 1, model: 'large' }

const done = 'data: [DONE]\n\n'
const small: LargeReply = {
  type: 'text/event-stream',
  body: `${event(chunk({ content: 'ok' }))}${event(chunk({}, 'stop'))}${done}`,
}

/**
 * The sizes are just under the limits: 32 MiB for a request, 16 MiB for a whole reply, 16 Mi characters for one event.
 */
export function* largeCases(): Generator<LargeCase> {
  yield asked('one base64 string of 31 MB', [image('QUJD'.repeat(31 * 250_000))])
  yield asked('31 MB of Cyrillic text', [said('Пример текста. '.repeat(1_180_000))])
  yield asked('31 MB of text with escapes', [said('a line\n'.repeat(3_800_000))])
  yield asked(
    '19,000 messages, 31 MB',
    Array.from({ length: 19_000 }, () => said('b'.repeat(1_590))),
  )
  yield asked('190,000 small values', [said('x')], {
    metadata: { a: Array(95_000).fill(1), b: Array(95_000).fill('c') },
  })
  yield asked('10 million empty messages', Array(10 * mega).fill({}), {}, 413)
  yield asked(
    '19,999 wrong messages',
    Array.from({ length: 19_999 }, () => ({ role: 'user', content: 1, pad: 'd'.repeat(1_500) })),
    {},
  )
  yield answered('a reply of 15 MB of text', whole({ content: 'word '.repeat(3 * mega) }))
  yield answered('a reply of 15 MB of Cyrillic text', whole({ content: 'Слово '.repeat(1_350_000) }))
  yield answered(
    'a reply with 8 MB of log probabilities',
    whole({ content: 'word' }, { logprobs: { content: logprobs(950) } }),
  )
  yield answered('a reply with 490,000 empty lists', whole({ content: 'word', lists: Array(490_000).fill([]) }))
  yield streamed('one event of 15 MB', chunk({ content: 'word '.repeat(3 * mega) }))
  yield streamed('one event of 15 MB of Cyrillic text', chunk({ content: 'Слово '.repeat(1_350_000) }))
  yield streamed('one event with 490,000 empty lists', chunk({ content: 'word', lists: Array(490_000).fill([]) }))
}

function asked(name: string, messages: readonly unknown[], others: object = {}, status = 200): LargeCase {
  const request = JSON.stringify({ model: 'large', stream: true, messages, ...others })
  return { name: `request: ${name}`, request, reply: small, status }
}

function answered(name: string, completion: unknown): LargeCase {
  const request = JSON.stringify({ model: 'large', messages: [said('x')] })
  return { name, request, reply: { type: 'application/json', body: JSON.stringify(completion) }, status: 200 }
}

function streamed(name: string, large: unknown): LargeCase {
  const request = JSON.stringify({ model: 'large', stream: true, messages: [said('x')] })
  const body = `${event(chunk({ content: 'a' }))}${event(large)}${event(chunk({}, 'stop'))}${done}`
  return { name, request, reply: { type: 'text/event-stream', body }, status: 200 }
}

function said(content: string): object {
  return { role: 'user', content }
}

function image(base64: string): object {
  return { role: 'user', content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${base64}` } }] }
}

function chunk(delta: object, finish: string | null = null): unknown {
  return { ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] }
}

function whole(message: object, beside: object = {}): unknown {
  const choices = [{ index: 0, message: { role: 'assistant', ...message }, ...beside, finish_reason: 'stop' }]
  return { ...head, object: 'chat.completion', choices }
}

function logprobs(tokens: number): readonly unknown[] {
  const one = { token: 'word', logprob: -0.0123, bytes: [119, 111, 114, 100] }
  return Array.from({ length: tokens }, () => ({ ...one, top_logprobs: Array(120).fill(one) }))
}

function event(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`
}
