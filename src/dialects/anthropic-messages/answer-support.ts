import type { AnswerSupport } from '../../flow/losses.ts'
import { dialect } from './dialect.ts'

/** What a message of Anthropic's has a place for: its blocks have an order, and a stop sequence is named. */
export const answerSupport: AnswerSupport = {
  dialect,
  members: new Set(['text', 'refusal', 'reasoning', 'tool-call', 'order', 'stop-sequence']),
}
