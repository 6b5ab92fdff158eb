import { MessagesDecoder } from '../../src/dialects/anthropic-messages/decode-frames.double.ts'
import { encodeMessagesRequest } from '../../src/dialects/anthropic-messages/encode-request.double.ts'
import { flowOf } from '../../src/flow/flow.ts'
import type { Upstream } from '../../src/providers/provider.ts'
import { emulateHttp } from '../../src/wire/emulator/http.ts'
import { play } from '../../src/wire/emulator/script.ts'
import { send } from '../../src/wire/http.ts'
import { readFrames } from '../../src/wire/read-frames.ts'
import { sseEvent } from '../../src/wire/sse.ts'

/** A block of a message in the Messages API. */
export type Block =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'thinking'; readonly thinking: string; readonly signature: string }
  | { readonly type: 'redacted_thinking'; readonly data: string }
  | { readonly type: 'tool_use'; readonly id: string; readonly name: string; readonly input: object }

/** A message of a request. */
export interface Turn {
  readonly role: string
  readonly content: readonly { readonly type: string }[]
}

export interface MessagesEmulator {
  readonly upstream: Upstream
  /** The messages of each request, in the order of the requests. */
  readonly conversations: readonly (readonly Turn[])[]
  close(): Promise<void>
}

/**
 * Starts a service with the shape of Anthropic's API over real sockets, and the upstream that asks it. It answers the n-th
 * request with the n-th message.
 */
export async function emulateMessages(messages: readonly (readonly Block[])[]): Promise<MessagesEmulator> {
  const conversations: Turn[][] = []
  const emulator = await emulateHttp((exchange) => {
    const blocks = messages[conversations.length] ?? [{ type: 'text', text: 'That is all.' }]
    conversations.push(JSON.parse(exchange.request.body).messages)
    return play(exchange, { body: framesOf(blocks) })
  })
  return { upstream: upstreamOf(emulator.origin), conversations, close: () => emulator.close() }
}

function upstreamOf(origin: string): Upstream {
  return {
    name: 'messages',
    accounts: [{ label: 'messages', credential: undefined }],
    support: {
      parameters: { tools: 'honoured', toolChoice: 'honoured', maxTokens: 'honoured', stop: 'honoured' },
    },
    models: [{ id: 'claude-example' }],
    chat: (request, call) =>
      flowOf(async (signal) => {
        const body = JSON.stringify(encodeMessagesRequest(request))
        const headers = { 'content-type': 'application/json' }
        const reply = await send({ method: 'POST', url: `${origin}/v1/messages`, headers, body }, signal)
        return readFrames(reply, new MessagesDecoder(), signal)
      }, call.signal),
  }
}

/** Writes the events of a message, with each text in two halves. */
function framesOf(blocks: readonly Block[]): string[] {
  const usage = { input_tokens: 12, cache_read_input_tokens: 100, cache_creation_input_tokens: 0, output_tokens: 1 }
  const stop_reason = blocks.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn'
  const frames = [
    { type: 'message_start', message: { id: 'msg_01EXAMPLE', role: 'assistant', content: [], usage } },
    ...blocks.flatMap((block, index) => [
      { type: 'content_block_start', index, content_block: openBlock(block) },
      ...deltasOf(block).map((delta) => ({ type: 'content_block_delta', index, delta })),
      { type: 'content_block_stop', index },
    ]),
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 7 } },
    { type: 'message_stop' },
  ]
  return frames.map((frame) => sseEvent(frame.type, JSON.stringify(frame)))
}

function openBlock(block: Block): object {
  if (block.type === 'text') return { ...block, text: '' }
  if (block.type === 'thinking') return { ...block, thinking: '', signature: '' }
  return block.type === 'tool_use' ? { ...block, input: {} } : block
}

function deltasOf(block: Block): object[] {
  switch (block.type) {
    case 'text':
      return halves(block.text).map((text) => ({ type: 'text_delta', text }))
    case 'thinking': {
      const thoughts = halves(block.thinking).map((thinking) => ({ type: 'thinking_delta', thinking }))
      return [...thoughts, { type: 'signature_delta', signature: block.signature }]
    }
    case 'redacted_thinking':
      return []
    case 'tool_use':
      return halves(JSON.stringify(block.input)).map((partial_json) => ({ type: 'input_json_delta', partial_json }))
  }
}

function halves(text: string): string[] {
  const middle = Math.ceil(text.length / 2)
  return [text.slice(0, middle), text.slice(middle)]
}
