import { manyModels, mockModels } from './mock-scripts.ts'

/** Each content chunk has this text once, so that relayed chunks can be counted without parsing. */
export const token = ' tok'

const usage = { prompt_tokens: 9, completion_tokens: 20, total_tokens: 29 }
const created = 1_760_000_000
let count = 0

/** The frames of one streamed answer, in the shape of OpenAI's `chat.completion.chunk`. */
export type Frames = {
  readonly role: string
  readonly token: Buffer
  readonly finish: string
}

export function framesOf(model: string, includesUsage: boolean): Frames {
  const base = { id: nextId(), object: 'chat.completion.chunk', created, model, ...(includesUsage && { usage: null }) }
  const event = (delta: object, finish_reason: string | null): string =>
    frame({ ...base, choices: [{ index: 0, delta, logprobs: null, finish_reason }] })
  return {
    role: event({ role: 'assistant', content: '', refusal: null }, null),
    token: Buffer.from(httpChunk(event({ content: token }, null))),
    finish: `${event({}, 'stop')}${includesUsage ? frame({ ...base, choices: [], usage }) : ''}data: [DONE]\n\n`,
  }
}

export function completion(model: string, tokens: number): string {
  const message = { role: 'assistant', content: token.repeat(tokens), refusal: null, annotations: [] }
  const choices = [{ index: 0, message, logprobs: null, finish_reason: 'stop' }]
  return JSON.stringify({ id: nextId(), object: 'chat.completion', created, model, choices, usage })
}

/** @param more  the number of models beside those that have a script */
export function modelList(more: number): string {
  const data = [...mockModels, ...manyModels(more)].map((id) => ({ id, object: 'model', created, owned_by: 'mock' }))
  return JSON.stringify({ object: 'list', data })
}

export function httpChunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`
}

function frame(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

function nextId(): string {
  count += 1
  return `chatcmpl-${count.toString(36).padStart(24, '0')}`
}
