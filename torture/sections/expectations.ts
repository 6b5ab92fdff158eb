import { isDeepStrictEqual } from 'node:util'
import type { Conversation, Got } from '../lab/conversation.ts'
import { expect } from '../lab/failure.ts'
import { type Answer, callsOf, type Json, textOf, thoughtOf } from '../talk/talk.ts'

type Asked = Got & { readonly conversation: Conversation }

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 300 ? `${text.slice(0, 300)}… (${text.length} characters)` : text
}

/** Parses arguments as clients do: none at all are an empty object. */
export function argumentsOf(json: string): Json {
  try {
    return JSON.parse(json === '' ? '{}' : json)
  } catch {
    return `no JSON: ${json.slice(0, 100)}`
  }
}

/** Wants an answer that ended well and says exactly what the upstream said: texts, calls and the reason of the end. */
export function expectAnswer({ status, isWhole, reading, conversation }: Asked, answer: Answer): void {
  expect(status === 200, `the status is ${status}`, conversation)
  expect(isWhole, 'the reply was cut', conversation)
  expect(reading.error === undefined, `the answer says that it failed: ${reading.error}`, conversation)
  expect(reading.problems.length === 0, () => reading.problems.slice(0, 5).join('; '), conversation)
  const text = textOf(reading.pieces)
  expect(
    text === textOf(answer.pieces),
    () => `the text is ${shown(text)}, not ${shown(textOf(answer.pieces))}`,
    conversation,
  )
  expectCalls({ reading, conversation }, answer)
  expect(reading.isEnded, 'the stream has no mark of its end', conversation)
  expect(reading.end === answer.end, `the answer ended by "${reading.end}", not "${answer.end}"`, conversation)
}

/** Wants the same calls in the same order, with equal arguments and different ids. */
function expectCalls({ reading, conversation }: Pick<Asked, 'reading' | 'conversation'>, answer: Answer): void {
  const plain = ({ name, json }: { readonly name: string; readonly json: string }) => [name, argumentsOf(json)]
  const got = callsOf(reading.pieces)
  const [read, said] = [got.map(plain), callsOf(answer.pieces).map(plain)]
  expect(isDeepStrictEqual(read, said), () => `the calls are ${shown(read)}, not ${shown(said)}`, conversation)
  expect(new Set(got.map(({ call }) => call)).size === got.length, 'two calls have the same id', conversation)
}

export function expectThought({ reading, conversation }: Asked, answer: Answer): void {
  const [read, said] = [thoughtOf(reading.pieces), thoughtOf(answer.pieces)]
  expect(read === said, () => `the reasoning is ${shown(read)}, not ${shown(said)}`, conversation)
}

/** Wants a failure that a client can see: a status, an error in the stream, an end with a word of its own, or a connection that breaks. */
export function expectVisibleFailure({ status, isWhole, reading, conversation }: Asked): void {
  const isSaid = reading.error !== undefined || reading.end === 'unknown'
  const isVisible = status === 0 || status >= 400 || !isWhole || isSaid
  expect(isVisible, 'the answer looks complete, although the upstream failed', conversation)
  const isNormal = reading.end === 'stop' || reading.end === 'calls'
  expect(!isNormal, `the answer says that it ended by "${reading.end}"`, conversation)
}
