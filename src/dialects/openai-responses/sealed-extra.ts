import { type Extras, type Fields, hasOrigin } from '../../chat/message.ts'
import { isFields } from '../fields.ts'

/** What a sealed text contains: what an upstream wants back, or the summary of a conversation. */
export type SealedKind = 'reasoning' | 'compaction'

/** Seals what clients keep as the `encrypted_content` of an item. */
export interface ContentSealer {
  seal(kind: SealedKind, text: string): string
  /** Returns undefined for a text that was not sealed here, or for another client. */
  open(kind: SealedKind, sealed: string): string | undefined
}

/** The fields of a tool call. */
export interface CallExtra {
  readonly id: string
  readonly extra: Extras
}

/** The fields that an upstream wants back, with their origin. */
export interface AnswerExtra {
  /** Those of the reasoning in the same item. */
  readonly part?: Extras | undefined
  /** Those of tool calls in the same answer. */
  readonly calls?: readonly CallExtra[] | undefined
  /** Those of the whole answer. */
  readonly answer?: Extras | undefined
}

/** Seals the fields that have an origin. Returns undefined if there is none: without an origin they could go to another upstream. */
export function sealExtra({ part, calls = [], answer }: AnswerExtra, sealer: ContentSealer): string | undefined {
  const bound = {
    ...(hasOrigin(part) && { part }),
    ...(calls.some(({ extra }) => hasOrigin(extra)) && { calls: calls.filter(({ extra }) => hasOrigin(extra)) }),
    ...(hasOrigin(answer) && { answer }),
  }
  return Object.keys(bound).length > 0 ? sealer.seal('reasoning', JSON.stringify(bound)) : undefined
}

/** Opens what `sealExtra` sealed. Anything else is empty: reasoning of a foreign service is of no use here, and no error. */
export function openExtra(sealed: unknown, sealer: ContentSealer | undefined): AnswerExtra {
  const text = typeof sealed === 'string' ? sealer?.open('reasoning', sealed) : undefined
  if (text === undefined) return {}
  const opened: unknown = JSON.parse(text)
  if (!isFields(opened)) return {}
  const { part, calls, answer } = opened
  return {
    ...(isExtras(part) && { part }),
    ...(Array.isArray(calls) && { calls: calls.filter(isCallExtra) }),
    ...(isExtras(answer) && { answer }),
  }
}

function isExtras(value: unknown): value is Extras {
  return isFields(value) && Object.values(value).every((fields): fields is Fields => isFields(fields))
}

function isCallExtra(value: unknown): value is CallExtra {
  return isFields(value) && typeof value.id === 'string' && isExtras(value.extra)
}
