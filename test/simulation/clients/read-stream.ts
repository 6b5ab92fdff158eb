import { z } from 'zod'

const Chunk = z.looseObject({
  error: z.looseObject({ message: z.string() }).optional(),
  choices: z
    .array(
      z.looseObject({
        index: z.number(),
        delta: z.looseObject({ content: z.string().nullish() }).optional(),
        finish_reason: z.string().nullish(),
      }),
    )
    .optional(),
})

/** What a strict client reads in a stream of chat completions. */
export interface ReadAnswer {
  readonly text: string
  /** How often the answer has finished. */
  readonly finishes: number
  readonly errors: number
  readonly dones: number
  /** What no client should ever see. */
  readonly wrong: readonly string[]
}

/** @param body what was received; the last event may be cut if the connection broke */
export function readStream(body: string): ReadAnswer {
  const read = { text: '', finishes: 0, errors: 0, dones: 0 }
  const wrong: string[] = []
  let next = 0
  for (const numbered of body.split('\n\n').slice(0, -1)) {
    if (numbered === '' || numbered.startsWith(':')) continue
    const [, id, event = ''] = /^(?:id: ?(\d+)\n)?(?:event: error\n)?(.*)$/s.exec(numbered) ?? []
    if (id !== undefined && Number(id) !== next++) wrong.push(`event ${id} in the place of ${next - 1}`)
    if (event.startsWith(':')) continue
    if (!event.startsWith('data: ')) wrong.push(`a line that is no event: ${event.slice(0, 100)}`)
    else if (event === 'data: [DONE]') read.dones++
    else if (read.dones + read.errors > 0) wrong.push(`something after the end: ${event.slice(0, 100)}`)
    else takeChunk(read, event.slice('data: '.length), wrong)
  }
  return { ...read, wrong }
}

function takeChunk(read: { text: string; finishes: number; errors: number }, text: string, wrong: string[]): void {
  const chunk = Chunk.safeParse(parse(text)).data
  if (!chunk) {
    wrong.push(`a chunk that is none: ${text.slice(0, 100)}`)
    return
  }
  if (chunk.error) read.errors++
  for (const { delta, finish_reason } of chunk.choices ?? []) {
    if (delta?.content && read.finishes > 0) wrong.push('text after the finish')
    read.text += delta?.content ?? ''
    if (finish_reason) read.finishes++
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
