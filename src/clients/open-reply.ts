import type { ChatEvent } from '../chat/event.ts'
import type { Fields } from '../chat/message.ts'
import { isFields } from '../dialects/fields.ts'
import type { OpenedBatches } from '../flow/flow.ts'
import type { HttpReply } from '../wire/http-reply.ts'
import { type FrameDecoder, type FramesCall, frameFlow } from '../wire/read-frames.ts'
import { framedAgain, type WholeJson, wholeJson } from '../wire/whole-json.ts'

export interface ReplyOptions extends FramesCall {
  /** Whether a stream was requested. Only the bytes of the reply show whether it is one; the content type is not reliable. */
  readonly stream: boolean
}

/** How the replies of one dialect are read. */
export interface ReplyReader<Options> {
  /**
   * Makes the decoder of a stream, or of a body that is no JSON object.
   * @param whole the bytes of the body, if all of them have come
   */
  frames(options: Options, whole?: Uint8Array): FrameDecoder
  /** Reads a whole answer, or an error. @throws ChatError for anything but a finished answer */
  object(value: Fields, source: WholeJson, options: Options): OpenedBatches<ChatEvent>
}

/**
 * Opens a service's reply, which may be a stream, a whole answer, an error, or a web page. The events of a whole answer are one
 * batch.
 * @throws ChatError for anything but a finished answer
 */
export function openReply<Options extends ReplyOptions>(
  reader: ReplyReader<Options>,
  reply: HttpReply,
  options: Options,
): OpenedBatches<ChatEvent> | Promise<OpenedBatches<ChatEvent>> {
  const whole = options.stream ? undefined : wholeJson(reply)
  if (!whole) return frameFlow(reply, reader.frames(options), options)
  const open = (source: WholeJson) =>
    isFields(source.value)
      ? reader.object(source.value, source, options)
      : frameFlow(framedAgain(reply, source.bytes), reader.frames(options, source.bytes), options)
  return whole instanceof Promise ? whole.then(open) : open(whole)
}
