import type { AnswerSupport } from '../../flow/losses.ts'
import { dialect } from './dialect.ts'

/** What a chat completion has a place for. Thoughts and refusals stand beside one text, and calls after it. */
export const answerSupport: AnswerSupport = {
  dialect,
  members: new Set(['text', 'refusal', 'reasoning', 'tool-call', 'annotations', 'logprobs']),
}
