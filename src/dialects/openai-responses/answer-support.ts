import type { AnswerSupport } from '../../flow/losses.ts'
import { dialect } from './dialect.ts'

/** What a response has a place for: its items have an order. */
export const answerSupport: AnswerSupport = {
  dialect,
  members: new Set(['text', 'refusal', 'reasoning', 'tool-call', 'order', 'annotations']),
}

/** What a response has a place for if what the upstream wants back is sealed. */
export const sealingSupport: AnswerSupport = { dialect, members: new Set([...answerSupport.members, 'extra']) }
