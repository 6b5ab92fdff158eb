import type { ChatError } from '../../chat/error.ts'
import { type ChatEvent, describeSeam, type Usage } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import type { Answer, Choice } from '../../flow/fold.ts'
import type { AnswerSupport } from '../../flow/losses.ts'
import { sseComment, sseData, sseJson, sseKeepAlive } from '../../wire/sse.ts'
import { encodeError } from '../openai-chat/encode-error.ts'
import { encodeFinish } from '../openai-chat/finish-reason.ts'
import { encodeUsage } from '../openai-chat/usage.ts'

/** The members of a completion that are not in its answer. */
export interface CompletionLabel {
  /** `cmpl-…` */
  readonly id: string
  readonly model: string
  /** Unix seconds. */
  readonly created: number
}

/** What a completion has a place for: its text. */
export const answerSupport: AnswerSupport = { dialect: 'openai-completions', members: new Set(['text', 'refusal']) }

/** Encodes a whole completion. */
export function encodeCompletion({ choices, usage }: Answer, label: CompletionLabel): Fields {
  return {
    ...headOf(label),
    choices: choices.map((choice) => encodeChoice(choice.index, textIn(choice), encodeFinish(choice.finish))),
    ...(usage && { usage: encodeUsage(usage) }),
  }
}

function textIn({ parts }: Choice): string {
  return parts.map((part) => (part.type === 'text' || part.type === 'refusal' ? part.text : '')).join('')
}

/** Writes events as SSE frames with pieces of completions. */
export class CompletionStream {
  readonly #label: CompletionLabel
  readonly #includeUsage: boolean
  #usage: Usage | undefined

  constructor(label: CompletionLabel, { includeUsage }: { readonly includeUsage: boolean }) {
    this.#label = label
    this.#includeUsage = includeUsage
  }

  get keepAlive(): string {
    return sseKeepAlive
  }

  event(event: ChatEvent): string | Iterable<string> {
    if (event.type === 'usage') this.#usage = event.usage
    if (event.type === 'text' || event.type === 'refusal')
      return event.text === '' ? '' : this.#write([encodeChoice(event.choice, event.text, null)])
    if (event.type === 'seam') return sseComment(describeSeam(event.seam))
    if (event.type !== 'finish') return ''
    return this.#write([encodeChoice(event.choice, '', encodeFinish(event.reason))])
  }

  end(): string {
    const chunk = { ...headOf(this.#label), choices: [], usage: this.#usage && encodeUsage(this.#usage) }
    return `${this.#includeUsage ? sseData(JSON.stringify(chunk)) : ''}${sseData('[DONE]')}`
  }

  /** An error without `[DONE]`, so that clients do not take the answer for complete. */
  error(error: ChatError): string {
    return sseData(JSON.stringify(encodeError(error)))
  }

  #write(choices: readonly Fields[]): string | Iterable<string> {
    return sseJson({ ...headOf(this.#label), choices })
  }
}

function headOf({ id, created, model }: CompletionLabel): Fields {
  return { id, object: 'text_completion', created, model }
}

function encodeChoice(index: number, text: string, finish: string | null): Fields {
  return { text, index, logprobs: null, finish_reason: finish }
}
