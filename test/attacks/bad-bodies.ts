import { seeded } from '../../src/flow/seeded.double.ts'

/** A probably bad body, and its headers. */
export interface BadBody {
  readonly body: string | Uint8Array<ArrayBuffer>
  readonly headers: Readonly<Record<string, string>>
}

/** A valid request with as many kinds of members as possible. */
const valid = (model: string) => ({
  model,
  messages: [
    { role: 'system', content: 'Be brief.' },
    {
      role: 'user',
      name: 'ann',
      content: [
        { type: 'text', text: 'What is on it?' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=', detail: 'low' } },
        { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
        { type: 'file', file: { file_id: 'file-1', filename: 'a.pdf' } },
      ],
    },
    {
      role: 'assistant',
      content: null,
      refusal: null,
      tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"a":1}' } }],
    },
    { role: 'tool', tool_call_id: 'call_1', content: [{ type: 'text', text: 'A cat.' }] },
    { role: 'user', content: 'And then?' },
  ],
  tools: [
    {
      type: 'function',
      function: { name: 'look', description: 'Looks.', parameters: { type: 'object', properties: {} }, strict: true },
    },
  ],
  tool_choice: { type: 'function', function: { name: 'look' } },
  parallel_tool_calls: true,
  response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: { type: 'object' }, strict: true } },
  temperature: 0.5,
  top_p: 1,
  max_completion_tokens: 100,
  stop: ['\n'],
  seed: 7,
  frequency_penalty: 0,
  presence_penalty: 0,
  logit_bias: { '50256': -100 },
  n: 2,
  logprobs: true,
  top_logprobs: 2,
  reasoning_effort: 'low',
  user: 'ann',
  metadata: { a: 'b' },
  service_tier: 'auto',
  stream: true,
  stream_options: { include_usage: true },
})

const oddJson: readonly string[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  2 ** 53,
  -(2 ** 63),
  1e308,
  '',
  ' ',
  '\0',
  '\ud83d',
  '\u202e\u001b[31m',
  '<script>alert(1)</script>',
  '../../etc/passwd',
  '$(id) `id` %s%n',
  "'; DROP TABLE models; --",
  'A'.repeat(5_000),
  [],
  [[]],
  [null],
  {},
  { type: 'text' },
  { role: 'user' },
  JSON.parse('{"toString":1,"valueOf":1,"then":1,"length":-1,"__proto__":{"polluted":true}}'),
  { constructor: { prototype: { polluted: true } } },
].map((value) => JSON.stringify(value))
const oddNames = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'then',
  '',
  '\0',
  'type',
  'role',
  'ROLE',
  'a'.repeat(300),
]
const oddTexts = [
  'NaN',
  '-Infinity',
  '1e400',
  '0x10',
  '01',
  '+1',
  'undefined',
  "'a'",
  '"\\ud800"',
  '"\\u00"',
  '"\\x"',
  '//',
  '/**/',
  '{"__proto__":{"polluted":true}}',
  '\ufeff',
  '\u2028',
  ',',
  '}',
  ']',
  '"',
]
const oddTypes = [
  'text/plain',
  'text/html',
  'application/xml',
  'application/json; charset=utf-16',
  'multipart/form-data',
  'x',
  ';',
  'application/json,text/plain',
]

/** Makes bad bodies: it breaks valid ones as values, as text or as bytes. */
export class BadBodies {
  readonly #random: () => number
  readonly #model: string

  /** @param model of the bodies. If it does not exist, every body is bad. */
  constructor(seed: number, model: string) {
    this.#random = seeded(seed)
    this.#model = model
  }

  next(): BadBody {
    const value: unknown = valid(this.#model)
    for (let change = 0; change < 1 + this.#below(3); change++) this.#breakValue(value)
    const text = JSON.stringify(this.#chance(0.03) ? this.#oddValue() : value)
    const bytes = this.#chance(0.5) ? text : this.#breakText(text)
    return { body: this.#chance(0.1) ? this.#breakBytes(bytes) : bytes, headers: this.#headers() }
  }

  #headers(): Record<string, string> {
    return {
      'content-type': this.#chance(0.02) ? this.#pick(oddTypes) : 'application/json',
      ...(this.#chance(0.01) && { 'content-encoding': this.#pick(['gzip', 'br', 'x', 'identity, gzip']) }),
    }
  }

  /** Breaks one member at any depth. */
  #breakValue(root: unknown): void {
    let node = root
    for (;;) {
      if (typeof node !== 'object' || node === null) return
      const names = Object.keys(node)
      const name = names.length > 0 ? this.#pick(names) : 'a'
      const inner: unknown = Reflect.get(node, name)
      if (typeof inner === 'object' && inner !== null && this.#chance(0.75)) {
        node = inner
        continue
      }
      this.#breakMember(node, name)
      return
    }
  }

  #breakMember(node: object, name: string): void {
    switch (this.#below(5)) {
      case 0:
        Reflect.deleteProperty(node, name)
        return
      case 1:
        Object.defineProperty(node, this.#pick(oddNames), {
          value: this.#oddValue(),
          enumerable: true,
          configurable: true,
          writable: true,
        })
        return
      case 2:
        Reflect.set(node, name, [Reflect.get(node, name)])
        return
      default:
        Reflect.set(node, name, this.#oddValue())
    }
  }

  #breakText(text: string): string {
    const at = this.#below(text.length)
    switch (this.#below(7)) {
      case 0:
        return text.slice(0, at)
      case 1:
        return text.slice(at)
      case 2:
        return text.slice(0, at) + this.#pick(oddTexts) + text.slice(at)
      case 3:
        return text.slice(0, at) + this.#pick(oddTexts) + text.slice(at + 1)
      case 4:
        return text.replace(/-?\d+(\.\d+)?/, this.#pick(oddTexts))
      case 5:
        return this.#pick(['[', '{"a":', '[{"a":']).repeat(this.#below(20_000)) + text
      default:
        return text + this.#pick([text, ...oddTexts])
    }
  }

  #breakBytes(text: string): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(Buffer.from(text, this.#chance(0.2) ? 'utf16le' : 'utf8'))
    for (let flips = this.#below(8); flips > 0; flips--) bytes[this.#below(bytes.length)] = this.#below(256)
    return bytes
  }

  #chance(of: number): boolean {
    return this.#random() < of
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  /** Copies the value, because the next change may break it further. */
  #oddValue(): unknown {
    const json = this.#pick(oddJson)
    return JSON.parse(json)
  }

  #pick<T>(items: readonly T[]): T {
    const picked = items[this.#below(items.length)]
    if (picked === undefined) throw new Error('nothing to pick from')
    return picked
  }
}
