import { eventFrame } from '../../../wire/emulator/socketio.ts'
import type { RunBody } from './body.ts'

/** How the payload of an event is written. All three forms have been seen. */
export type PayloadForm = 'object' | 'json' | 'plain'

export interface AnswerForm {
  readonly payload?: PayloadForm
  /** Which of the two end events are sent; both by default. */
  readonly ends?: 'both' | 'completed' | 'completion_finished'
  /** Whether `completion_finished` names its run; false by default. */
  readonly namesEnd?: boolean
}

interface ChunkMembers {
  readonly content?: string
  readonly [member: string]: unknown
}

/** Writes an `execution:chunk`. A plain string has nothing but the text. */
export function chunkFrame(members: ChunkMembers, form: PayloadForm = 'object'): string {
  if (form === 'plain') return eventFrame('execution:chunk', members.content ?? '')
  return eventFrame('execution:chunk', form === 'json' ? JSON.stringify(members) : members)
}

/** The frames of an answer that echoes the last message word by word, each with the whole text so far. */
export function answerFrames(executionId: string, meta: RunBody['prompt_meta'], form: AnswerForm = {}): string[] {
  const { payload = 'object', ends = 'both', namesEnd = false } = form
  const words = `You said: ${meta.messages.at(-1)?.content ?? ''}`.match(/\s*\S+/g) ?? []
  const sentWords = words.slice(0, meta.max_completion_tokens)
  const growing = sentWords.map((_, at) => ({
    executionId,
    content: sentWords.slice(0, at + 1).join(''),
    status: 'running',
    finish_reason: null,
  }))
  const finish_reason = sentWords.length < words.length ? 'length' : 'stop'
  const completed = { executionId, content: sentWords.join(''), status: 'completed', finish_reason }
  // a plain string has no place for a status
  const hasStatus = payload !== 'plain' && ends !== 'completion_finished'
  return [
    ...growing.map((chunk) => chunkFrame(chunk, payload)),
    ...(hasStatus ? [chunkFrame(completed, payload)] : []),
    ...(ends === 'completed' && hasStatus ? [] : [eventFrame('completion_finished', namesEnd ? { executionId } : {})]),
  ]
}
