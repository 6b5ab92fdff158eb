import { z } from 'zod'
import type { EmulatedExchange } from '../../../wire/emulator/http.ts'
import { play, type Script } from '../../../wire/emulator/script.ts'
import { sseData, sseEvent } from '../../../wire/sse.ts'

/** How the emulator answers what is no chat. */
export interface EmulatedTasks {
  /** Limit for the inputs of a request for embeddings, which it states when it refuses more. */
  readonly maxInputs?: number
  /** Whether it ignores `dimensions`, as many servers do. */
  readonly ignoresDimensions?: boolean
  /** Paths without `/v1` that it does not have. */
  readonly lacks?: readonly string[]
  /** Chooses a script by the request; if it returns undefined, the emulator answers by itself. */
  readonly reply?: (path: string, exchange: EmulatedExchange) => Script | undefined
}

const json = { 'content-type': 'application/json' }
const usage = { prompt_tokens: 3, total_tokens: 3 }

/** Whether the emulator has this path, which is without `/v1`. */
export function isTask(path: string, { lacks = [] }: EmulatedTasks = {}): boolean {
  return path in answers && !lacks.includes(path)
}

/** Answers a request for a task. */
export function answerTask(exchange: EmulatedExchange, path: string, tasks: EmulatedTasks = {}): void | Promise<void> {
  const script = tasks.reply?.(path, exchange)
  return script ? play(exchange, script) : answers[path]?.(exchange, tasks)
}

const answers: Readonly<Record<string, (exchange: EmulatedExchange, tasks: EmulatedTasks) => void | Promise<void>>> = {
  '/embeddings': embed,
  '/completions': complete,
  '/moderations': (exchange) =>
    send(exchange, { id: 'modr-emulated', model: bodyOf(exchange).model, results: [{ flagged: false }] }),
  '/rerank': rerank,
  '/images/generations': drawImage,
  '/audio/speech': (exchange) => play(exchange, { headers: { 'content-type': 'audio/mpeg' }, body: [mp3, mp3] }),
  '/audio/transcriptions': transcribe,
  '/audio/translations': transcribe,
}

const mp3 = new Uint8Array([0xff, 0xfb, 0x90, 0x00, 0xff, 0xfe, 0x0d, 0x0a])

/** The fields that the emulator reads; all others are only recorded. */
const TaskBody = z.looseObject({
  model: z.string(),
  input: z.unknown().optional(),
  encoding_format: z.string().optional(),
  dimensions: z.number().optional(),
  prompt: z.union([z.string(), z.array(z.unknown())]).optional(),
  n: z.number().optional(),
  stream: z.boolean().optional(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).optional(),
  documents: z.array(z.unknown()).optional(),
})

function bodyOf({ request }: EmulatedExchange): z.infer<typeof TaskBody> {
  return TaskBody.parse(JSON.parse(request.body))
}

function send(exchange: EmulatedExchange, value: unknown, status = 200): void {
  exchange.reply(status, JSON.stringify(value), json)
}

function refuse(exchange: EmulatedExchange, status: number, message: string): void {
  send(exchange, { error: { message, type: 'invalid_request_error', param: null, code: null } }, status)
}

function embed(
  exchange: EmulatedExchange,
  { maxInputs = 2_048, ignoresDimensions }: EmulatedTasks,
): void | Promise<void> {
  const { model, input, encoding_format: format, dimensions } = bodyOf(exchange)
  const inputs = Array.isArray(input) && typeof input[0] !== 'number' ? input : [input]
  if (model.startsWith('gpt-'))
    return refuse(exchange, 403, 'You are not allowed to generate embeddings from this model')
  if (inputs.length > maxInputs)
    return refuse(exchange, 413, `batch size ${inputs.length} > maximum allowed batch size ${maxInputs}`)
  const data = inputs.map((one, index) => {
    const numbers = embeddingOf(one, ignoresDimensions ? undefined : dimensions)
    const embedding = format === 'base64' ? Buffer.from(new Float32Array(numbers).buffer).toString('base64') : numbers
    return { object: 'embedding', index, embedding }
  })
  const tokens = inputs.length * 2
  send(exchange, { object: 'list', data, model, usage: { prompt_tokens: tokens, total_tokens: tokens } })
}

/** Numbers that depend on the input and have no rounding error as 32-bit floats. */
export function embeddingOf(input: unknown, dimensions = 4): number[] {
  const text = JSON.stringify(input)
  return Array.from({ length: dimensions }, (_, at) => (text.charCodeAt(at % text.length) - text.length) / 64)
}

async function complete(exchange: EmulatedExchange): Promise<void> {
  const { model, prompt = '', n = 1, stream, stream_options: options } = bodyOf(exchange)
  const prompts = Array.isArray(prompt) ? prompt : [prompt]
  const head = { id: 'cmpl-emulated', object: 'text_completion', created: 1_760_000_000, model }
  const texts = prompts.flatMap((one) => Array.from({ length: n }, () => `You began: ${one}`))
  const counted = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 }
  const choice = (text: string, index: number, finish: string | null) => ({
    text,
    index,
    logprobs: null,
    finish_reason: finish,
  })
  if (!stream) {
    const choices = texts.map((text, index) => choice(text, index, 'stop'))
    return send(exchange, { ...head, choices, usage: counted })
  }
  const chunks = texts.flatMap((text, index) => [
    ...(text.match(/\s*\S+/g) ?? []).map((word) => ({ ...head, choices: [choice(word, index, null)] })),
    { ...head, choices: [choice('', index, 'stop')] },
  ])
  const last = options?.include_usage ? [{ ...head, choices: [], usage: counted }] : []
  const body = [...[...chunks, ...last].map((chunk) => sseData(JSON.stringify(chunk))), sseData('[DONE]')]
  await play(exchange, { body })
}

function rerank(exchange: EmulatedExchange): void {
  const { model, documents = [] } = bodyOf(exchange)
  const results = documents.map((_, index) => ({ index, relevance_score: 1 / (index + 1) }))
  send(exchange, { id: 'rerank-emulated', model, results: results.reverse(), usage })
}

async function drawImage(exchange: EmulatedExchange): Promise<void> {
  const image = { b64_json: Buffer.from('an image').toString('base64') }
  const counted = { input_tokens: 4, output_tokens: 9, total_tokens: 13 }
  if (!bodyOf(exchange).stream) return send(exchange, { created: 1_760_000_000, data: [image], usage: counted })
  const event = (type: string) => sseEvent(type, JSON.stringify({ type, ...image, usage: counted }))
  await play(exchange, { body: ['image_generation.partial_image', 'image_generation.completed'].map(event) })
}

async function transcribe(exchange: EmulatedExchange): Promise<void> {
  const { bytes, headers } = exchange.request
  const form = await new Response(bytes, { headers: { 'content-type': headers.get('content-type') ?? '' } }).formData()
  const file = form.get('file')
  if (!(file instanceof Blob) || typeof form.get('model') !== 'string') return refuse(exchange, 400, 'no file')
  const sum = new Bun.CryptoHasher('sha256').update(await file.arrayBuffer()).digest('hex')
  send(exchange, { text: `${form.get('model')} ${file.size} ${sum}`, usage })
}
