import { fillerOf } from '../../../gateway/requests/filler.ts'
import { type EmulatedExchange, emulateHttp } from '../../../wire/emulator/http.ts'
import { play, type Script } from '../../../wire/emulator/script.ts'
import { sseData } from '../../../wire/sse.ts'
import { type RecordedRefusal, refusals } from '../outcomes.ts'
import type { ExportedAttempt, ExportedRequest } from '../read-export.ts'
import { isSilent, type StagedUpstream } from '../stage.ts'

/** An upstream that does what was recorded, attempt by attempt. */
export interface ScriptedUpstream {
  readonly url: string
  close(): Promise<void>
}

interface AnswerToPlay {
  readonly text: string
  readonly usage: ExportedRequest['usage']
}

/** @param onAsked called when it has got a request */
export async function emulateRecorded(
  { models }: StagedUpstream,
  answer: AnswerToPlay,
  onAsked: (attempt: ExportedAttempt) => void,
): Promise<ScriptedUpstream> {
  const left = new Map([...models].map(([model, attempts]) => [model, [...attempts]]))
  const isDown = [...models.values()].every((attempts) =>
    attempts.every(({ outcome }) => outcome === 'upstream_unreachable'),
  )
  const emulator = await emulateHttp((exchange) => {
    const { method, path, body } = exchange.request
    if (method !== 'POST' || !path.endsWith('/chat/completions')) return exchange.reply(404, '{}', json)
    const chat: PlayedChat = JSON.parse(body)
    const attempt = left.get(chat.model)?.shift()
    if (!attempt) return refuse(exchange, { status: 500, word: 'not_recorded' })
    onAsked(attempt)
    return playAttempt(exchange, { attempt, chat, answer })
  })
  // its address stays free, so connections to it are refused
  if (isDown) await emulator.close()
  return { url: `${emulator.origin}/v1`, close: () => (isDown ? Promise.resolve() : emulator.close()) }
}

/** The fields of a request that are read. */
interface PlayedChat {
  readonly model: string
  readonly stream?: boolean
  readonly messages: readonly { readonly role: string; readonly content: unknown }[]
}

const json = { 'content-type': 'application/json' }

function refuse(exchange: EmulatedExchange, { status, word }: RecordedRefusal) {
  const challenge = word === 'challenge' ? { 'cf-mitigated': 'challenge' } : {}
  exchange.reply(status, JSON.stringify({ error: errorOf(word) }), { ...json, ...challenge })
}

function errorOf(word: string): object {
  return { message: 'This failure was recorded.', type: word, code: word }
}

interface Played {
  readonly attempt: ExportedAttempt
  readonly chat: PlayedChat
  readonly answer: AnswerToPlay
}

function playAttempt(exchange: EmulatedExchange, played: Played): void | Promise<void> {
  const { attempt, chat } = played
  const refusal = refusals[attempt.outcome]
  if (refusal && !attempt.hasBegun && !isSilent(attempt)) return refuse(exchange, refusal)
  return play(exchange, attempt.outcome === 'ok' && !chat.stream ? wholeReply(played) : scriptFor(played))
}

/** Silence before the ending, because a reset may overtake bytes. */
const endDelayMs = 20

function scriptFor({ attempt, chat, answer }: Played): Script {
  const { outcome, hasBegun } = attempt
  const rest = restOf(answer.text, chat)
  const begun = hasBegun ? wordsIn(rest.slice(0, Math.ceil(rest.length / 2))) : []
  if (outcome === 'ok') return { body: [...wordsIn(rest), ...endOf(answer)] }
  if (outcome === 'upstream_bad_response') return { headers: json, body: ['{"unknown":true}'] }
  if (outcome === 'upstream_empty_response') return { body: [chunk({}, 'stop'), sseData('[DONE]')] }
  const refusal = refusals[outcome]
  if (refusal && !isSilent(attempt))
    return { body: [...begun, sseData(JSON.stringify({ error: errorOf(refusal.word) }))] }
  if (outcome === 'upstream_disconnected' || outcome === 'upstream_unreachable')
    return hasBegun ? { body: begun, ending: 'rst', endDelayMs } : { framing: 'raw', ending: 'rst' }
  return { body: begun, ending: 'stall' }
}

function wholeReply({ chat, answer: { text, usage } }: Played): Script {
  const message = { role: 'assistant', content: restOf(text, chat) }
  const choices = [{ index: 0, message, finish_reason: 'stop' }]
  return { headers: json, body: [JSON.stringify({ ...common, object: 'chat.completion', choices, ...usageOf(usage) })] }
}

const common = { id: 'chatcmpl-replay', created: 1_760_000_000, model: 'replay' }

function chunk(delta: object, finish: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason: finish }]
  return sseData(JSON.stringify({ ...common, object: 'chat.completion.chunk', choices }))
}

function wordsIn(text: string): string[] {
  return (text.match(/.{1,200}/gs) ?? []).map((content) => chunk({ content }))
}

function endOf({ usage }: AnswerToPlay): string[] {
  const last = { ...common, object: 'chat.completion.chunk', choices: [], ...usageOf(usage) }
  return [chunk({}, 'stop'), ...(usage ? [sseData(JSON.stringify(last))] : []), sseData('[DONE]')]
}

function usageOf(usage: AnswerToPlay['usage']) {
  if (!usage) return {}
  const { inputTokens: prompt_tokens, outputTokens: completion_tokens } = usage
  return { usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens } }
}

/** What is left to say: all of it, or what follows the end that the model is asked to repeat (docs/continuation.md). */
function restOf(whole: string, { messages }: PlayedChat): string {
  const [before = '', last = ''] = messages.slice(-2).map(({ content }) => textIn(content))
  if (!last.startsWith('The connection broke off')) return whole
  const anchor = last.slice(last.indexOf('\n\n') + 2)
  return whole.slice(Math.max(0, before.length - anchor.length))
}

function textIn(content: unknown): string {
  return Array.isArray(content) ? content.map((part) => String(part.text ?? '')).join('') : String(content)
}

/** Limits for the characters of an answer. A short one has no place at which it could be continued. */
const [leastAnswer, mostAnswer] = [2_000, 64 * 1024]

/** The text of the answers, as long as it was, as far as that is known. */
export function answerText({ answerLength, usage, seams }: ExportedRequest): string {
  const length = answerLength ?? (usage?.outputTokens ?? 0) * 4
  return fillerOf(Math.min(mostAnswer, Math.max(seams > 0 ? leastAnswer : 20, length)))
}
