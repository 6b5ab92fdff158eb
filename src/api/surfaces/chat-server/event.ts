import type { ChatError } from '../../../chat/error.ts'
import type { Fields } from '../../../chat/message.ts'
import { describeError } from '../../../dialects/openai-chat/encode-error.ts'
import { sseData, sseJson, sseKeepAlive } from '../../../wire/sse.ts'
import type { StreamSurface } from '../../exchange/stream-body.ts'

/** One event of the chat server's stream, as it stands on the wire. `reasoning` and `usage` a client may pass over. */
export type ServerEvent =
  | { readonly type: 'chunk' | 'reasoning'; readonly data: { readonly content: string } }
  | {
      readonly type: 'tool_call'
      readonly data: {
        readonly tool_call_id: string
        readonly tool_name: string
        readonly arguments: Fields
        /** What the model wrote, where it is no object. */
        readonly raw_arguments?: string
      }
    }
  | {
      readonly type: 'tool_stream_chunk'
      readonly data: {
        readonly tool_call_id: string
        readonly content: string
        /** The result's summary as it is written, rather than the tool's own output. */
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

/** What closes every stream, however it ended. */
const done = sseData('{"type":"done"}')

/** Writes events; every stream ends with `done`. */
export const surface: StreamSurface<ServerEvent> = {
  event: sseJson,
  end: () => done,
  error: (error) => failed(error) + done,
  keepAlive: sseKeepAlive,
}

function failed(error: ChatError): string {
  const { message, code, type } = describeError(error)
  return sseData(JSON.stringify({ type: 'error', data: { error: message, code, type } }))
}
