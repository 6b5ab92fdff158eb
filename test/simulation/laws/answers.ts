import { z } from 'zod'
import { type ReadAnswer, readStream } from '../clients/read-stream.ts'
import type { Seen } from '../clients/seen.ts'
import type { Attempt } from '../upstreams/attempt.ts'
import { truthOf } from '../upstreams/truth.ts'

const Whole = z.looseObject({
  choices: z
    .array(z.looseObject({ message: z.looseObject({ content: z.string() }), finish_reason: z.string() }))
    .length(1),
})
const Refusal = z.looseObject({ error: z.looseObject({ message: z.string().min(1), type: z.string() }) })

/** @returns what is wrong with what a client saw of its answer */
export function judgeAnswer(seen: Seen, attempts: readonly Attempt[], mayBreak: boolean): readonly string[] {
  const read = seen.isStreamed ? readStream(seen.body) : readWhole(seen)
  const wrong = judgeRead(seen, read, mayBreak)
  const isUnearned = seen.end === 'whole' && read.dones > 0 && !attempts.some(({ isWhole }) => isWhole)
  return isUnearned ? [...wrong, 'looks finished, and no upstream has finished it'] : wrong
}

/** @returns what is wrong with an answer as it was read */
export function judgeRead(seen: Seen, read: ReadAnswer, mayBreak: boolean): readonly string[] {
  if (seen.end === undefined) return ['hangs: its client still waits']
  if (seen.end === 'broken' && !mayBreak) return ['breaks off although its process lives']
  if (seen.status === undefined) return []
  if (seen.status !== 200) return judgeRefusal(seen)
  return [...(seen.end === 'whole' ? judgeEnd(seen, read) : []), ...judgeText(seen, read)]
}

function judgeRefusal({ body, status, end }: Seen): readonly string[] {
  if (end !== 'whole' || Refusal.safeParse(parse(body)).success) return []
  return [`gets status ${status} without an error: ${body.slice(0, 200)}`]
}

function judgeEnd({ wish }: Seen, read: ReadAnswer): readonly string[] {
  const { dones, errors, finishes, text } = read
  if (dones + errors !== 1) return [`has ${dones} ends and ${errors} errors`]
  if (finishes !== dones) return [`has finished ${finishes} times, with ${dones} ends and ${errors} errors`]
  if (dones === 0) return []
  return text === truthOf(wish) ? [] : [`looks finished, and has ${text.length} characters that are not its answer`]
}

function judgeText({ wish, end, isStreamed }: Seen, { text, wrong }: ReadAnswer): readonly string[] {
  if (!isStreamed && end !== 'whole') return []
  const isTrue = truthOf(wish).startsWith(text)
  return isTrue
    ? wrong
    : [...wrong, `has a text that is not the beginning of its answer: ${firstDifference(text, truthOf(wish))}`]
}

function firstDifference(text: string, truth: string): string {
  let at = 0
  while (text[at] === truth[at]) at++
  return `after ${at} characters "${text.slice(at, at + 40)}" in place of "${truth.slice(at, at + 40)}"`
}

function readWhole({ body, end }: Seen): ReadAnswer {
  const parsed = Whole.safeParse(parse(body))
  const none = { text: '', finishes: 0, errors: 0, dones: 0, wrong: [] }
  if (!parsed.success) return end === 'whole' ? { ...none, wrong: [`is no answer: ${body.slice(0, 200)}`] } : none
  const [choice] = parsed.data.choices
  return { ...none, text: choice?.message.content ?? '', finishes: 1, dones: 1 }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
