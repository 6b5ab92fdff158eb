import type { Fields } from '../chat/message.ts'
import { isFields } from './fields.ts'
import { mustBe } from './invalid-request.ts'

/**
 * The value of a parameter. `isOdd`: it came in an undocumented form, or is empty. `wrong`: it was not understood, and the
 * text is the end of a sentence that begins with its path.
 */
export type Reading<T> =
  | { readonly value?: T | undefined; readonly isOdd?: boolean }
  | { readonly wrong: string; readonly at?: readonly PropertyKey[]; readonly code?: string }

/** Reads a number, or a number in a text, as form fields have it. */
export function readNumber(sent: unknown): Reading<number> {
  if (typeof sent === 'number' && Number.isFinite(sent)) return { value: sent }
  const number = numberIn(sent)
  return number === undefined ? wrongType('a number', sent) : { value: number, isOdd: true }
}

export function readWhole(sent: unknown): Reading<number> {
  const reading = readNumber(sent)
  if ('wrong' in reading) return wrongType('a whole number', sent)
  return Number.isInteger(reading.value) ? reading : wrongType('a whole number', sent)
}

/** Reads a limit. A negative one means no limit, as at LM Studio and llama.cpp. */
export function readLimit(sent: unknown): Reading<number> {
  const reading = readWhole(sent)
  return !('wrong' in reading) && (reading.value ?? 0) < 0 ? { isOdd: true } : reading
}

/** OpenAI, `n` */
const maxChoices = 128

export function readChoices(sent: unknown): Reading<number> {
  const reading = readWhole(sent)
  if ('wrong' in reading || reading.value === undefined) return reading
  if (reading.value < 1) return { wrong: 'must be 1 or more', code: 'invalid_value' }
  return reading.value > maxChoices ? { wrong: `must be ${maxChoices} or less`, code: 'invalid_value' } : reading
}

const flags: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  ['true', true],
  ['false', false],
  [1, true],
  [0, false],
])

export function readFlag(sent: unknown): Reading<boolean> {
  if (typeof sent === 'boolean') return { value: sent }
  const flag = flags.get(typeof sent === 'string' ? sent.trim().toLowerCase() : sent)
  return flag === undefined ? wrongType('true or false', sent) : { value: flag, isOdd: true }
}

/** Reads `logprobs`, which may also be the number of log probabilities, as in OpenAI's legacy Completions. */
export function readLogprobs(sent: unknown): Reading<boolean> {
  return typeof sent === 'number' ? { value: sent > 0, isOdd: true } : readFlag(sent)
}

export function readText(sent: unknown): Reading<string> {
  if (typeof sent === 'string') return { value: sent }
  const number = numberIn(sent)
  return number === undefined ? wrongType('a string', sent) : { value: String(number), isOdd: true }
}

export function readObject(sent: unknown): Reading<Fields> {
  return isFields(sent) ? { value: sent } : wrongType('an object', sent)
}

/** Reads one stop sequence or a list of them. Empty ones have no effect. */
export function readStop(sent: unknown): Reading<readonly string[]> {
  if (typeof sent === 'string') return { value: sent === '' ? undefined : [sent], isOdd: true }
  if (!Array.isArray(sent)) return { ...wrongType<readonly string[]>('a string or a list of strings', sent, true) }
  const words: string[] = []
  for (const [at, word] of sent.entries()) {
    const reading = word === null ? { value: '' } : readText(word)
    if ('wrong' in reading) return { ...reading, at: [at] }
    if (reading.value) words.push(reading.value)
  }
  const isOdd = words.length === 0 || words.some((word, at) => word !== sent[at]) || words.length < sent.length
  return { value: words.length > 0 ? words : undefined, isOdd }
}

/** Reads a number in any form. `wire/json.ts` keeps the digits of a number that JavaScript cannot hold exactly. */
function numberIn(sent: unknown): number | undefined {
  if (typeof sent === 'number') return Number.isFinite(sent) ? sent : undefined
  const digits = typeof sent === 'string' ? sent.trim() : digitsOf(sent)
  const number = digits === '' || digits === undefined ? Number.NaN : Number(digits)
  return Number.isFinite(number) && digits !== undefined && /^[-+.\d]/.test(digits) ? number : undefined
}

/** Whether it is a number such as 1e400, which every parser reads as Infinity. */
export function isInfinite(sent: unknown): boolean {
  const digits = digitsOf(sent)
  return digits !== undefined && Math.abs(Number(digits)) === Number.POSITIVE_INFINITY
}

function digitsOf(sent: unknown): string | undefined {
  return isFields(sent) && typeof sent.rawJSON === 'string' ? sent.rawJSON : undefined
}

function wrongType<T>(noun: string, sent: unknown, isPlain = false): Reading<T> {
  const wrong = isPlain ? `must be ${noun}` : mustBe(noun, digitsOf(sent) === undefined ? sent : 0)
  return { wrong, code: 'invalid_type' }
}
