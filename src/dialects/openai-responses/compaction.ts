import { asChatError, ChatError } from '../../chat/error.ts'
import { type ChatEvent, describeSeam, type Usage } from '../../chat/event.ts'
import { type Fields, type Message, type Part, textOf } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { sseComment } from '../../wire/sse.ts'
import { isFields } from '../fields.ts'
import { type AnswerSoFar, ResponseWriter, type ResponseWriterOptions } from './response-writer.ts'
import type { ContentSealer } from './sealed-extra.ts'

/** Whether the last item asks for a summary of the conversation. */
export function wantsCompaction(items: readonly unknown[]): boolean {
  const last = items.at(-1)
  return isFields(last) && last.type === compactionTrigger.type
}

/** Whether an item is a summary, or asks for one. */
export function isOfCompaction(item: unknown): boolean {
  return isFields(item) && (item.type === 'compaction' || item.type === compactionTrigger.type)
}

/** The item that asks for a summary. */
export const compactionTrigger: Fields = { type: 'compaction_trigger' }

const wish = `Write a summary of this conversation for an assistant who goes on with it, and who will see nothing else of it.
Keep the goals and wishes of the user in their words; decisions and their reasons; what was done, with the results; names, paths, commands, identifiers and values exactly; what is open, and the next steps.
Call no tool. Write only the summary.`

/** Asks for a summary of the conversation. The tools stay, because some services refuse calls in a conversation without them. */
export function askForSummary(request: ChatRequest): ChatRequest {
  const { responseFormat: _, ...parameters } = request.parameters
  const { toolChoice: _choice, responseFormat: _format, ...spelling } = request.spelling
  const messages: readonly Message[] = [...request.messages, { role: 'user', content: [{ type: 'text', text: wish }] }]
  return {
    ...request,
    messages,
    parameters: { ...parameters, ...(parameters.tools && { toolChoice: { type: 'none' } }) },
    spelling,
  }
}

/** The message that stands for the conversation before it. */
export function summaryMessage(summary: string): Message {
  const text = `This is a summary of the conversation up to here:\n\n${summary}`
  return { role: 'developer', content: [{ type: 'text', text }] }
}

/**
 * Makes the item in place of a conversation.
 * @param id the id of the response
 * @throws ChatError `upstream-failed` for an empty summary; `unavailable` without a sealer
 */
export function compactionItem(id: string, summary: string, sealer: ContentSealer | undefined): Fields {
  if (!sealer) throw new ChatError('unavailable', { message: 'A summary cannot be sealed, because the state failed.' })
  if (summary.trim() === '') throw new ChatError('upstream-failed', { message: 'The model wrote no summary.' })
  const encrypted_content = sealer.seal('compaction', summary)
  return { id: `cmp_${id.replace('resp_', '')}`, type: 'compaction', encrypted_content }
}

/** Returns the summary in the parts of an answer. */
export function summaryIn(parts: readonly Part[] | undefined): string {
  return textOf(parts ?? [])
}

export interface CompactionStreamOptions extends ResponseWriterOptions {
  readonly sealer: ContentSealer | undefined
}

/** Characters of the model's words after which a sign of life is written, because the client sees none of them. */
const perSign = 8 * 1024

/** Writes an answer that is a summary as a response with one item. */
export class CompactionStream {
  readonly #options: CompactionStreamOptions
  readonly #writer: ResponseWriter
  #summary = ''
  #unseen = 0
  #output: readonly Fields[] = []
  #usage: Usage | undefined
  /** Why there is no item. It is not thrown, because the text of the events in its batch would be lost. */
  #failure: ChatError | undefined

  constructor(options: CompactionStreamOptions) {
    this.#options = options
    this.#writer = new ResponseWriter(options)
  }

  get keepAlive(): string {
    return this.#writer.keepAlive
  }

  queue(): string {
    return this.#writer.queue()
  }

  event(event: ChatEvent): string {
    if (event.type === 'usage') this.#usage = event.usage
    if (event.choice !== 0) return ''
    if (event.type === 'seam') return sseComment(describeSeam(event.seam))
    if (event.type === 'text') this.#summary += event.text
    if (event.type === 'text' || event.type === 'reasoning') return this.#writer.begin() + this.#countUnseen(event.text)
    return event.type === 'finish' ? this.#writer.begin() + this.#writeItem() : ''
  }

  kept(error = this.#failure): Promise<void> | undefined {
    return this.#writer.kept(this.#soFar(), error)
  }

  end(): string {
    return this.#writer.terminal(this.#soFar(), this.#failure)
  }

  error(error: ChatError): string {
    return this.#writer.terminal(this.#soFar(), error)
  }

  #countUnseen(text: string): string {
    this.#unseen += text.length
    if (this.#unseen < perSign) return ''
    this.#unseen = 0
    return this.keepAlive
  }

  #writeItem(): string {
    const { id, sealer } = this.#options
    try {
      this.#output = [compactionItem(id, this.#summary, sealer)]
    } catch (thrown) {
      this.#failure = asChatError(thrown)
    }
    const write = (type: string, item: Fields) =>
      this.#writer.write(`response.output_item.${type}`, { output_index: 0, item })
    return this.#output.map((item) => write('added', item) + write('done', item)).join('')
  }

  /** A summary that was cut by a limit is complete: there is no other one. */
  #soFar(): AnswerSoFar {
    return { output: this.#output, items: this.#output, reason: 'stop', usage: this.#usage }
  }
}
