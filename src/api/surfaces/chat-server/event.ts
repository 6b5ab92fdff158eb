import type { ChatError } from '../../../chat/error.ts'
import type { Fields } from '../../../chat/message.ts'
import { describeError } from '../../../dialects/openai-chat/encode-error.ts'
import { sseComment, sseData, sseJson, sseKeepAlive } from '../../../wire/sse.ts'
import type { StreamSurface } from '../../exchange/stream-body.ts'

/** One event of the chat server's stream, as it is sent. A client may ignore `reasoning` and `usage`. */
export type ServerEvent =
  | { readonly type: 'chunk' | 'reasoning'; readonly data: { readonly content: string } }
  | {
      readonly type: 'tool_call'
      readonly data: {
        readonly tool_call_id: string
        readonly tool_name: string
        readonly arguments: Fields
        /** The model's own text, if it is not a JSON object. */
        readonly raw_arguments?: string
      }
    }
  | {
      readonly type: 'tool_stream_chunk'
      readonly data: {
        readonly tool_call_id: string
        readonly content: string
        /** True for a piece of the result's summary, not of the tool's own output. */
        readonly is_summary?: true
      }
    }
  | {
      readonly type: 'tool_result'
      readonly data: {
        readonly tool_call_id: string
        readonly result: string
        readonly is_error?: true
        readonly summarised?: true
        readonly truncated?: true
      }
    }
  | { readonly type: 'usage'; readonly data: Fields }
  | { readonly type: 'complete'; readonly data: { readonly message: Fields } }
  | { readonly type: 'cancelled'; readonly message: string }
  | CommentEvent

/** A line that programs ignore. */
interface CommentEvent {
  readonly type: 'comment'
  readonly text: string
}

/** The last event of every stream. */
const done = sseData('{"type":"done"}')

/** Writes events. Every stream ends with `done`. */
export const surface: StreamSurface<ServerEvent> = {
  event: (event) => (event.type === 'comment' ? sseComment(event.text) : sseJson(event)),
  end: () => done,
  error: (error) => failed(error) + done,
  keepAlive: sseKeepAlive,
}

function failed(error: ChatError): string {
  const { message, code, type } = describeError(error)
  return sseData(JSON.stringify({ type: 'error', data: { error: message, code, type } }))
}
