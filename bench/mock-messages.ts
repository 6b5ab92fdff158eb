import { type Frames, httpChunk, token } from './mock-frames.ts'

const id = 'msg_0000000000000000000000000'
const usage = { input_tokens: 9, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 20 }

/** The frames of one streamed answer, in the shape of Anthropic's Messages. Its service pads the deltas with spaces. */
export function messageFramesOf(model: string): Frames {
  const message = { model, id, type: 'message', role: 'assistant', content: [], stop_reason: null, stop_sequence: null }
  const delta = eventOf({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: token } })
  return {
    role:
      eventOf({ type: 'message_start', message: { ...message, usage } }) +
      eventOf({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }) +
      eventOf({ type: 'ping' }),
    token: Buffer.from(httpChunk(delta.replace('}}\n', '}      }\n'))),
    finish:
      eventOf({ type: 'content_block_stop', index: 0 }) +
      eventOf({ type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage }) +
      eventOf({ type: 'message_stop' }),
  }
}

export function messageOf(model: string, tokens: number): string {
  const content = [{ type: 'text', text: token.repeat(tokens) }]
  return JSON.stringify({
    model,
    id,
    type: 'message',
    role: 'assistant',
    content,
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage,
  })
}

function eventOf(event: { readonly type: string; readonly [member: string]: unknown }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}
