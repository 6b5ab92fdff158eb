import { z } from 'zod'
import type { ReadAnswer } from './read-stream.ts'

const Event = z.looseObject({ type: z.string(), data: z.looseObject({ content: z.string().optional() }).optional() })

/** Reads the events of the chat server as a strict client does. */
export function readSessionEvents(body: string): ReadAnswer {
  const read = { text: '', finishes: 0, errors: 0, dones: 0, wrong: [] as string[] }
  let hasEnded = false
  for (const event of body.split('\n\n').slice(0, -1)) {
    if (event === '' || event.startsWith(':')) continue
    const parsed = Event.safeParse(parse(event.replace(/^data: /, ''))).data
    if (!parsed) read.wrong.push(`an event that is none: ${event.slice(0, 100)}`)
    else if (hasEnded) read.wrong.push(`something after the end: ${event.slice(0, 100)}`)
    else if (parsed.type === 'chunk') read.text += parsed.data?.content ?? ''
    else if (parsed.type === 'complete') {
      read.dones++
      read.finishes++
    } else if (parsed.type === 'error') read.errors++
    hasEnded ||= parsed?.type === 'done'
  }
  return read
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
