import { ChatError } from '../../chat/error.ts'
import type { ChatEvent, Native, TextEvent, Usage } from '../../chat/event.ts'
import { decodeAnnotation } from './annotation.ts'
import { errorInside } from './complaint.ts'
import { isFields, rest } from './fields.ts'
import { decodeFinish } from './finish-reason.ts'
import { dialect, type WireChoice, type WireDelta, WireReply } from './schema.ts'
import { ToolCalls } from './tool-calls.ts'
import { decodeUsage } from './usage.ts'

/** What a decoder has to know beyond the bytes. */
export interface DecodeOptions {
  /** How many answers were asked for: a stream that ends with fewer finished was cut. */
  readonly choices: number
  readonly newId: () => string
}

interface ChoiceState {
  readonly index: number
  readonly toolCalls: ToolCalls
  finished: boolean
  /** Half a character that the last delta of text, or of thinking, ended in. */
  readonly half: { text: string; thinking: string }
}

/** What a choice of a chunk says, and what to relay in its place where it had to be put right. */
interface ReadChoice {
  readonly events: readonly ChatEvent[]
  readonly repaired: object | undefined
}

/**
 * Turns chunks, or one whole completion, into events. A chunk that says what it should travels along as `native`;
 * one that had to be put right (calls with wrong ids, parts where text was due, `stop` after a call) travels as it
 * should have been.
 */
export class ReplyDecoder {
  readonly #options: DecodeOptions
  readonly #choices = new Map<number, ChoiceState>()
  #hasContent = false
  /** An end without any content, kept until usage tells whether the model really said nothing. */
  #held: ChatEvent[] = []

  constructor(options: DecodeOptions) {
    this.#options = options
  }

  /** True once every answer that was asked for has finished: from here on, an end is no cut. */
  get finished(): boolean {
    let finished = 0
    for (const choice of this.#choices.values()) if (choice.finished) finished++
    return finished >= Math.max(this.#options.choices, this.#choices.size)
  }

  /**
   * The events of one chunk of a stream.
   * @throws ChatError for an error object inside it, or when it is no chunk at all
   */
  chunk(value: unknown, json?: string): readonly ChatEvent[] {
    const plain = this.#plainText(value, json)
    if (plain) return [plain]
    return this.#release(this.#read(value, 'chunk'))
  }

  /** The events of a whole completion. @throws ChatError when it is an error, empty, or no completion at all */
  whole(value: unknown): readonly ChatEvent[] {
    const events = this.#release(this.#read(value, 'whole'))
    if (this.#choices.size === 0) throw badResponse()
    return [...events, ...this.end('terminated')]
  }

  /**
   * The events still due when the stream is over.
   * @param how `terminated` if the upstream said so itself (`[DONE]`), `cut` if its bytes just ended
   * @throws ChatError `upstream-failed` when the answer is cut or empty
   */
  end(how: 'terminated' | 'cut'): readonly ChatEvent[] {
    if (how === 'cut' && !this.finished) throw cutOff()
    if (!this.#hasContent && (this.#held.length > 0 || !this.finished)) throw emptyAnswer()
    return [...this.#choices.values()]
      .filter((choice) => !choice.finished)
      .flatMap((choice) => this.#finish(choice, 'stop').events)
  }

  /** A chunk that adds text to one choice and says nothing else: nearly all are. Read without a schema, it costs a tenth. */
  #plainText(value: unknown, json: string | undefined): ChatEvent | undefined {
    if (!isFields(value) || (value.error ?? value.usage) || !Array.isArray(value.choices) || value.choices.length !== 1) return undefined
    const choice: unknown = value.choices[0]
    if (!isFields(choice) || typeof choice.index !== 'number' || (choice.finish_reason ?? choice.logprobs ?? choice.message)) return undefined
    const delta = choice.delta
    if (!isFields(delta) || typeof delta.content !== 'string' || delta.content === '') return undefined
    for (const key in delta) if (key !== 'content' && key !== 'role' && delta[key] !== null) return undefined
    const state = this.#stateOf(choice.index)
    if (state.finished || this.#held.length > 0 || state.half.text !== '' || endsInHalf(delta.content)) return undefined
    this.#hasContent = true
    return { type: 'text', choice: choice.index, text: delta.content, native: { dialect, form: 'chunk', value, ...(json !== undefined && { json }) } }
  }

  /** While nothing has been said, an end is held: it may be a failure in disguise. */
  #release(events: readonly ChatEvent[]): readonly ChatEvent[] {
    if (
      !this.#hasContent &&
      (this.#held.length > 0 || events.some((event) => event.type === 'finish' && event.reason === 'stop'))
    ) {
      this.#held.push(...events)
      return []
    }
    if (this.#held.length === 0) return events
    const all = [...this.#held, ...events]
    this.#held = []
    return all
  }

  #read(value: unknown, form: Native['form']): readonly ChatEvent[] {
    const parsed = WireReply.safeParse(value)
    if (!parsed.success || !isFields(value)) throw badResponse()
    const { error, choices, usage } = parsed.data
    if (error) throw errorInside(error)
    const events: ChatEvent[] = []
    const relayed: object[] = []
    let isAltered = false
    for (const [at, wire] of (choices ?? []).entries()) {
      const state = this.#stateOf(wire.index ?? at)
      isAltered ||= state.finished
      if (state.finished) continue
      const read = this.#choice(wire, state)
      events.push(...read.events)
      relayed.push(read.repaired ?? wire)
      isAltered ||= read.repaired !== undefined
    }
    if (usage) events.push({ type: 'usage', choice: 0, usage: this.#usage(decodeUsage(usage)) })
    if (events.length === 0) {
      if (this.finished) return []
      events.push({ type: 'text', choice: choices?.[0]?.index ?? 0, text: '' })
    }
    const native: Native = { dialect, form, value: isAltered ? { ...value, choices: relayed } : value }
    return events.map((event) => ({ ...event, native }))
  }

  #choice(wire: WireChoice, state: ChoiceState): ReadChoice {
    const said = wire.delta ?? wire.message ?? {}
    const delta = this.#delta(said, wire, state)
    this.#hasContent ||= delta.events.length > 0 || saysMore(said)
    const finish = wire.finish_reason ? this.#finish(state, wire.finish_reason) : undefined
    const isMisplaced = wire.index !== state.index || (!wire.delta && wire.message && 'delta' in wire)
    const events = finish ? [...delta.events, ...finish.events] : delta.events
    if (!delta.repaired && !finish?.word && !finish?.completion && !isMisplaced) return { events, repaired: undefined }
    return {
      events,
      repaired: repairChoice(wire, state.index, {
        said: delta.repaired ?? said,
        word: finish?.word,
        completion: finish?.completion,
      }),
    }
  }

  #delta(delta: WireDelta, wire: WireChoice, { index: choice, toolCalls, half }: ChoiceState): ReadChoice {
    const said = contentOf(delta)
    const text = joinHalves(half, 'text', said.text)
    const thinking = joinHalves(half, 'thinking', said.thinking)
    const isRejoined = text !== said.text || thinking !== said.thinking
    const events: ChatEvent[] = []
    if (thinking) events.push({ type: 'reasoning', choice, text: thinking })
    const spoken = textEvent(delta, { choice, text, logprobs: wire.logprobs })
    if (spoken) events.push(spoken)
    if (delta.refusal) events.push({ type: 'text', choice, text: delta.refusal, refusal: true })
    let isRepaired = false
    const calls = (delta.tool_calls ?? []).map((call) => {
      const read = wire.delta ? toolCalls.read(call) : toolCalls.whole(call)
      events.push(...read.events)
      isRepaired ||= read.repaired !== undefined
      return read.repaired ?? call
    })
    const isRewritten = isRejoined || Array.isArray(delta.content)
    if (!isRepaired && !isRewritten) return { events, repaired: undefined }
    const content = isRewritten
      ? { content: text, ...((thinking || said.thinking) && { reasoning_content: thinking, reasoning: undefined }) }
      : {}
    return { events, repaired: { ...delta, ...content, ...(calls.length > 0 && { tool_calls: calls }) } }
  }

  /** `word` is the finish reason as it should have been, `completion` the tool-call deltas it should have brought. */
  #finish(state: ChoiceState, wire: string): { events: ChatEvent[]; word?: string; completion?: object[] } {
    if (wire === 'error')
      throw new ChatError('upstream-failed', { message: 'The upstream broke off its answer with an error.' })
    state.finished = true
    const isMisnamed = wire === 'stop' && state.toolCalls.count > 0
    const completed = state.toolCalls.completeEmpty()
    const completion = completed.map((event) => ({ index: event.index, function: { arguments: '{}' } }))
    return {
      events: [
        ...completed,
        { type: 'finish', choice: state.index, reason: isMisnamed ? 'tool-calls' : decodeFinish(wire) },
      ],
      ...(isMisnamed && { word: 'tool_calls' }),
      ...(completion.length > 0 && { completion }),
    }
  }

  #stateOf(index: number): ChoiceState {
    const known = this.#choices.get(index)
    if (known) return known
    const fresh: ChoiceState = {
      index,
      toolCalls: new ToolCalls(index, this.#options.newId),
      finished: false,
      half: { text: '', thinking: '' },
    }
    this.#choices.set(index, fresh)
    return fresh
  }

  #usage(usage: Usage): Usage {
    if (usage.outputTokens) this.#hasContent = true
    return usage
  }
}

interface Spoken {
  readonly choice: number
  readonly text: string
  readonly logprobs: unknown
}

/** The answer's text with what stands beside it, if there is any of it. */
function textEvent(delta: WireDelta, { choice, text, logprobs }: Spoken): TextEvent | undefined {
  const annotations = delta.annotations?.map(decodeAnnotation) ?? []
  const hasLogprobs = logprobs !== null && logprobs !== undefined
  if (text === '' && annotations.length === 0 && !hasLogprobs) return undefined
  return {
    type: 'text',
    choice,
    text,
    ...(annotations.length > 0 && { annotations }),
    ...(hasLogprobs && { logprobs }),
  }
}

interface Contents {
  readonly text: string
  readonly thinking: string
}

/** Text and thinking of a delta: `reasoning_content` or `reasoning` beside the content, or parts within it (Mistral). */
function contentOf(delta: WireDelta): Contents {
  const beside = delta.reasoning_content ?? (typeof delta.reasoning === 'string' ? delta.reasoning : '')
  if (typeof delta.content === 'string') return { text: delta.content, thinking: beside }
  if (!Array.isArray(delta.content)) return { text: '', thinking: beside }
  const parts = delta.content.filter(isFields)
  return {
    text: parts.map((part) => (part.type === 'text' && typeof part.text === 'string' ? part.text : '')).join(''),
    thinking: beside + parts.map(thinkingOf).join(''),
  }
}

function thinkingOf(part: { readonly [key: string]: unknown }): string {
  if (part.type !== 'thinking') return ''
  if (typeof part.thinking === 'string') return part.thinking
  const texts = Array.isArray(part.thinking) ? part.thinking.filter(isFields) : []
  return texts.map((text) => (typeof text.text === 'string' ? text.text : '')).join('')
}

/**
 * The text without a high surrogate at its end, and with the one that was kept from the delta before. A reader in
 * another language than ours cannot put two halves of a character together again.
 */
function joinHalves(half: ChoiceState['half'], kind: 'text' | 'thinking', text: string): string {
  if (half[kind] === '' && !endsInHalf(text)) return text
  const joined = half[kind] + text
  const isHalf = endsInHalf(joined)
  half[kind] = isHalf ? joined.slice(-1) : ''
  return isHalf ? joined.slice(0, -1) : joined
}

function endsInHalf(text: string): boolean {
  const last = text.charCodeAt(text.length - 1)
  return last >= 0xd800 && last <= 0xdbff
}

const saidByUs = [
  'role',
  'content',
  'refusal',
  'reasoning_content',
  'reasoning',
  'tool_calls',
  'annotations',
  'function_call',
]

/** Content the vocabulary has no word for: images, audio, an old `function_call`. */
function saysMore(delta: WireDelta): boolean {
  return Boolean(delta.function_call) || rest(delta, saidByUs) !== undefined
}

interface Repair {
  readonly said: object
  readonly word: string | undefined
  readonly completion: object[] | undefined
}

function repairChoice(wire: WireChoice, index: number, { said, word, completion }: Repair): object {
  const { delta, message, ...others } = wire
  const calls = 'tool_calls' in said && Array.isArray(said.tool_calls) ? said.tool_calls : []
  const spoken = completion ? { ...said, tool_calls: [...calls, ...completion] } : said
  const key = message && !('delta' in wire) ? 'message' : 'delta'
  return { ...others, index, [key]: spoken, ...(word && { finish_reason: word }) }
}

function badResponse(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream answered in an unknown shape.',
    code: 'upstream_bad_response',
  })
}

function cutOff(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream broke off its answer.',
    code: 'upstream_disconnected',
  })
}

function emptyAnswer(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream ended without an answer.',
    code: 'upstream_empty_response',
  })
}
