import { ChatError, type Reason } from '../../chat/error.ts'
import type { ChatEvent, FinishReason, Usage } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { PartWriter } from '../../chat/part-writer.ts'
import { frameValue } from '../../wire/frame-value.ts'
import type { FrameDecoder } from '../../wire/read-frames.ts'
import type { SseFrame } from '../../wire/sse.ts'
import { StreamedEvent, type WireBlock, type WireBlockDelta, type WireUsage } from './streamed-event.double.ts'

/** The name of this dialect, also in extras and native chunks. */
export const dialect = 'anthropic-messages'

/** An open block. */
interface OpenBlock {
  readonly block: WireBlock
  /** The part of a tool call. It has no meaning for other blocks. */
  readonly part: number
  signature: string
  hasArguments: boolean
}

/** Reads the part of the Messages API's stream that the tests of the laws need. Each block of the message is a part. */
export class MessagesDecoder implements FrameDecoder {
  readonly #writer = new PartWriter()
  readonly #open = new Map<number, OpenBlock>()
  #usage: WireUsage = {}
  #reason: string | undefined
  #sequence: string | undefined
  #isStopped = false

  get finished(): boolean {
    return this.#isStopped
  }

  /** @throws ChatError for an `error` event and for an undocumented event */
  frame(frame: SseFrame): readonly ChatEvent[] {
    const { data, success } = StreamedEvent.safeParse(frameValue(frame))
    if (!success)
      throw new ChatError('upstream-outdated', { message: 'The upstream sent an event of an unknown shape.' })
    switch (data.type) {
      case 'message_start':
        this.#usage = data.message.usage
        return []
      case 'content_block_start':
        return this.#start(data.index, data.content_block)
      case 'content_block_delta':
        return this.#grow(this.#blockAt(data.index), data.delta)
      case 'content_block_stop':
        return this.#stop(data.index)
      case 'message_delta':
        this.#end(data.delta, data.usage ?? {})
        return []
      case 'message_stop':
        this.#isStopped = true
        return []
      case 'error':
        throw new ChatError(reasons[data.error.type] ?? 'upstream-failed', { message: data.error.message })
      case 'ping':
        return []
    }
  }

  end(): readonly ChatEvent[] {
    if (!this.#isStopped) throw new ChatError('upstream-failed', { message: 'The upstream broke off its answer.' })
    const word = this.#reason ?? 'end_turn'
    const ending = { raw: word, ...(this.#sequence !== undefined && { stopSequence: this.#sequence }) }
    return [
      ...this.#writer.finish(finishes[word] ?? 'other', ending),
      { type: 'usage', choice: 0, usage: usageOf(this.#usage) },
    ]
  }

  #start(index: number, block: WireBlock): readonly ChatEvent[] {
    const events = this.#opening(block)
    this.#open.set(index, { block, part: this.#writer.latestPart, signature: '', hasArguments: false })
    return events
  }

  #opening(block: WireBlock): readonly ChatEvent[] {
    switch (block.type) {
      case 'text':
        return this.#writer.text(block.text)
      case 'thinking':
        return this.#writer.reasoning(block.thinking)
      case 'redacted_thinking':
        return this.#writer.reasoning('')
      case 'tool_use':
        return this.#writer.toolCall({ id: block.id, name: block.name })
    }
  }

  #blockAt(index: number): OpenBlock {
    const open = this.#open.get(index)
    if (!open) throw new ChatError('upstream-outdated', { message: 'The upstream continued a block that is not open.' })
    return open
  }

  #grow(open: OpenBlock, delta: WireBlockDelta): readonly ChatEvent[] {
    switch (delta.type) {
      case 'text_delta':
        return this.#writer.text(delta.text)
      case 'thinking_delta':
        return this.#writer.reasoning(delta.thinking)
      case 'signature_delta':
        open.signature += delta.signature
        return []
      case 'input_json_delta':
        if (delta.partial_json === '') return []
        open.hasArguments = true
        return this.#writer.toolArguments(open.part, delta.partial_json)
    }
  }

  #stop(index: number): readonly ChatEvent[] {
    const open = this.#blockAt(index)
    this.#open.delete(index)
    const { block, part, hasArguments } = open
    if (block.type !== 'tool_use') return this.#writer.endWords(extraOf(open))
    const missing = hasArguments ? [] : this.#writer.toolArguments(part, '{}')
    return [...missing, ...this.#writer.endCall(part)]
  }

  /** Takes the reason and the usage. They replace those of the start. */
  #end({ stop_reason, stop_sequence }: StopDelta, usage: WireUsage): void {
    this.#reason = stop_reason ?? this.#reason
    this.#sequence = stop_sequence ?? this.#sequence
    this.#usage = { ...this.#usage, ...usage }
  }
}

type StopDelta = Extract<StreamedEvent, { type: 'message_delta' }>['delta']

/** Returns the fields that the block must have when it is sent back. */
function extraOf({ block, signature }: OpenBlock): { readonly extra?: Readonly<Record<string, Fields>> } {
  if (block.type === 'redacted_thinking') return { extra: { [dialect]: { redacted: block.data } } }
  return signature === '' ? {} : { extra: { [dialect]: { signature } } }
}

const finishes: Readonly<Record<string, FinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool-calls',
  refusal: 'content-filter',
}

const reasons: Readonly<Record<string, Reason>> = {
  invalid_request_error: 'invalid-request',
  rate_limit_error: 'rate-limited',
  overloaded_error: 'overloaded',
  timeout_error: 'timeout',
}

/** Adds cached tokens to the input, because Anthropic counts them apart. */
function usageOf(wire: WireUsage): Usage {
  const { input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens } = wire
  const input = (input_tokens ?? 0) + (cache_read_input_tokens ?? 0) + (cache_creation_input_tokens ?? 0)
  const output = output_tokens ?? 0
  return {
    inputTokens: input,
    outputTokens: output,
    totalTokens: input + output,
    ...(typeof cache_read_input_tokens === 'number' && { cachedInputTokens: cache_read_input_tokens }),
    ...(typeof cache_creation_input_tokens === 'number' && { cacheWriteTokens: cache_creation_input_tokens }),
    source: 'upstream',
  }
}
