import { isFields } from '../src/dialects/fields.ts'

/** What an upstream does with a request. The request says it in its last message, as JSON. */
export interface UsageScript {
  readonly input: number
  readonly cached: number
  readonly output: number
  /** In billionths of a dollar; undefined if the upstream does not state it. */
  readonly nanos?: number | undefined
  /** How many requests to the upstream are one answer to the gateway: a request for each of several choices. */
  readonly requests?: number
  /** `cut`: the connection ends after the first words. `open`: it stays open after them. `refused`: HTTP 400. */
  readonly end: 'usage' | 'cut' | 'open' | 'refused'
}

/** The sums of what an upstream has stated for a model, and the answers that it broke off or that were left. */
export interface StatedUsage {
  answers: number
  unfinished: number
  input: number
  cached: number
  output: number
  nanos: number
  unpriced: number
}

/** An upstream that states what it is told to, and remembers it by model. */
export class StatingUpstream {
  readonly stated = new Map<string, StatedUsage>()
  readonly #server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 0,
    fetch: (request) => this.#answer(request),
  })

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/v1`
  }

  async close(): Promise<void> {
    await this.#server.stop(true)
  }

  of(model: string): StatedUsage {
    const none = { answers: 0, unfinished: 0, input: 0, cached: 0, output: 0, nanos: 0, unpriced: 0 }
    const known = this.stated.get(model) ?? none
    this.stated.set(model, known)
    return known
  }

  async #answer(request: Request): Promise<Response> {
    if (request.method === 'GET') return Response.json({ data: ['m', 'n'].map((id) => ({ id })) })
    const body: unknown = await request.json()
    if (!isFields(body)) return new Response('', { status: 400 })
    const model = String(body.model)
    if (request.url.endsWith('/embeddings')) return this.#embed(model, body)
    const script = scriptIn(body.messages)
    if (script.end === 'refused')
      return Response.json({ error: { message: 'no', type: 'invalid_request_error' } }, { status: 400 })
    if (script.end !== 'usage') return this.#begin(model, script)
    const usage = this.#state(model, script)
    if (body.stream !== true) return Response.json(wholeOf(model, usage))
    const frames = [
      chunkOf(model, { content: words }),
      chunkOf(model, {}, 'stop'),
      { ...chunkOf(model, {}), choices: [], usage },
    ]
    return new Response(`${frames.map(frameOf).join('')}data: [DONE]\n\n`, { headers: sse })
  }

  /** Says some words, and does not finish. */
  #begin(model: string, { end }: UsageScript): Response {
    this.of(model).unfinished++
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(frameOf(chunkOf(model, { content: words })))
        if (end === 'cut') controller.close()
      },
    })
    return new Response(stream, { headers: sse })
  }

  #embed(model: string, { input }: Readonly<Record<string, unknown>>): Response {
    const texts = Array.isArray(input) ? input : [input]
    const script = { input: 7 * texts.length, cached: 0, output: 0, end: 'usage' } as const
    const { prompt_tokens, total_tokens } = this.#state(model, script)
    const data = texts.map((_, index) => ({ object: 'embedding', index, embedding: [0.5] }))
    return Response.json({ object: 'list', model, data, usage: { prompt_tokens, total_tokens } })
  }

  #state(model: string, { input, cached, output, nanos, requests = 1 }: UsageScript) {
    const stated = this.of(model)
    stated.answers += 1 / requests
    stated.input += input
    stated.cached += cached
    stated.output += output
    stated.nanos += nanos ?? 0
    if (nanos === undefined) stated.unpriced += 1 / requests
    return {
      prompt_tokens: input,
      completion_tokens: output,
      total_tokens: input + output,
      prompt_tokens_details: { cached_tokens: cached },
      ...(nanos !== undefined && { cost: nanos / 1e9 }),
    }
  }
}

/** Every answer begins with these words, so that one that broke off can be continued. */
const words = 'These are the words with which the upstream begins each of its answers, and all that it ever says.'

const sse = { 'content-type': 'text/event-stream' }

function scriptIn(messages: unknown): UsageScript {
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : undefined
  const text = isFields(last) && typeof last.content === 'string' ? last.content : ''
  // the gateway itself asks to go on with an answer
  return text.startsWith('{') ? JSON.parse(text) : { input: 30, cached: 20, output: 10, end: 'usage' }
}

function wholeOf(model: string, usage: object) {
  const choices = [{ index: 0, message: { role: 'assistant', content: words }, finish_reason: 'stop' }]
  return { id: 'a', object: 'chat.completion', created: 1, model, choices, usage }
}

function chunkOf(model: string, delta: object, finish: string | null = null) {
  const choices = [{ index: 0, delta, finish_reason: finish }]
  return { id: 'a', object: 'chat.completion.chunk', created: 1, model, choices }
}

function frameOf(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`
}
