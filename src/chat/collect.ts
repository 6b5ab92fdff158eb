import { ChatError } from './error.ts'
import type { Annotation, ChatEvent, FinishReason, Native, TextEvent, ToolArgumentsEvent, Usage } from './event.ts'
import type { Extras, ToolCall } from './message.ts'

/** One answer, whole. */
export interface Choice {
  readonly index: number
  readonly text: string
  readonly refusal: string
  readonly reasoning: string
  readonly toolCalls: readonly ToolCall[]
  readonly annotations: readonly Annotation[]
  /** Token log probabilities, in OpenAI's shape, in order. */
  readonly logprobs: readonly unknown[]
  readonly finish: FinishReason
  /** What it has to be handed back with. */
  readonly extra?: Extras
  /** The upstream's whole reply this choice came in, where it came as one. */
  readonly native: Native | undefined
}

/** A stream, folded. */
export interface Answer {
  /** By index, without gaps. */
  readonly choices: readonly Choice[]
  readonly usage: Usage | undefined
}

interface Growing {
  readonly text: string[]
  readonly refusal: string[]
  readonly reasoning: string[]
  readonly calls: { id: string; name: string; readonly json: string[]; extra: Extras | undefined }[]
  readonly annotations: Annotation[]
  readonly logprobs: unknown[]
  finish: FinishReason | undefined
  extra: Extras | undefined
  native: Native | undefined
}

/**
 * Folds a stream into an answer: a JSON reply is the same stream, collected.
 * @throws ChatError `upstream-failed` when a choice never finished, or there is none; otherwise what the stream threw
 */
export async function collect(events: AsyncIterable<ChatEvent>): Promise<Answer> {
  const choices = new Map<number, Growing>()
  let usage: Usage | undefined
  for await (const event of events) {
    if (event.type === 'usage') usage = event.usage
    else grow(choiceAt(choices, event.choice), event)
  }
  if (choices.size === 0) throw brokenOff()
  return { choices: [...choices].sort(([a], [b]) => a - b).map(([index, growing]) => ripe(index, growing)), usage }
}

function choiceAt(choices: Map<number, Growing>, index: number): Growing {
  const known = choices.get(index)
  if (known) return known
  const fresh: Growing = {
    text: [],
    refusal: [],
    reasoning: [],
    calls: [],
    annotations: [],
    logprobs: [],
    finish: undefined,
    extra: undefined,
    native: undefined,
  }
  choices.set(index, fresh)
  return fresh
}

function grow(choice: Growing, event: Exclude<ChatEvent, { type: 'usage' }>): void {
  if (event.native?.form === 'whole') choice.native = event.native
  switch (event.type) {
    case 'text':
      growText(choice, event)
      return
    case 'reasoning':
      choice.reasoning.push(event.text)
      return
    case 'tool-call':
      choice.calls[event.index] = { id: event.id, name: event.name, json: [], extra: event.extra }
      return
    case 'tool-arguments':
      growCall(choice.calls[event.index], event)
      return
    case 'finish':
      choice.finish = event.reason
      choice.extra = event.extra
  }
}

function growCall(call: Growing['calls'][number] | undefined, { json, extra }: ToolArgumentsEvent): void {
  call?.json.push(json)
  if (call && extra) call.extra = extra
}

function growText(choice: Growing, event: TextEvent): void {
  if (event.refusal) choice.refusal.push(event.text)
  else choice.text.push(event.text)
  if (event.annotations) choice.annotations.push(...event.annotations)
  if (event.logprobs !== undefined) choice.logprobs.push(event.logprobs)
}

function ripe(index: number, choice: Growing): Choice {
  if (!choice.finish) throw brokenOff()
  return {
    index,
    text: choice.text.join(''),
    refusal: choice.refusal.join(''),
    reasoning: choice.reasoning.join(''),
    toolCalls: choice.calls.map(({ id, name, json, extra }) => ({
      id,
      name,
      arguments: json.join(''),
      ...(extra && { extra }),
    })),
    annotations: choice.annotations,
    logprobs: choice.logprobs,
    finish: choice.finish,
    ...(choice.extra && { extra: choice.extra }),
    native: choice.native,
  }
}

function brokenOff(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream broke off its answer.',
    code: 'upstream_disconnected',
  })
}
