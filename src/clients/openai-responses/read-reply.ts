import type { ChatEvent } from '../../chat/event.ts'
import { isFields } from '../../dialects/fields.ts'
import { ResponseDecoder } from '../../dialects/openai-responses/decode-stream.ts'
import { plainResponseIn, wholeNative } from '../../dialects/openai-responses/plain-response.ts'
import type { ToolNames } from '../../dialects/openai-responses/tool-names.ts'
import type { OpenedBatches } from '../../flow/flow.ts'
import type { HttpReply } from '../../wire/http-reply.ts'
import { type FramesCall, frameFlow } from '../../wire/read-frames.ts'
import { framedAgain, type WholeJson, wholeJson } from '../../wire/whole-json.ts'
import { ResponseFrames } from './response-frames.ts'

interface ResponseReadOptions extends FramesCall {
  /** Whether a stream was requested. Only the bytes of the reply show whether it is one. */
  readonly stream: boolean
  /** How the tools of the request are called in the vocabulary, if they are called something else. */
  readonly names: ToolNames | undefined
  /** Whether the client has the same dialect, so that it can get a whole response as it came. */
  readonly isRelayed: boolean
}

/**
 * Reads a service's reply, which may be a stream, a whole response, an error, or a web page. The events of a whole response are one
 * batch.
 * @throws ChatError for anything but a finished answer
 */
export function readReply(
  reply: HttpReply,
  options: ResponseReadOptions,
): OpenedBatches<ChatEvent> | Promise<OpenedBatches<ChatEvent>> {
  const whole = options.stream ? undefined : wholeJson(reply)
  if (!whole) return frameFlow(reply, new ResponseFrames(options.names), options)
  return whole instanceof Promise
    ? whole.then((read) => openWhole(read, reply, options))
    : openWhole(whole, reply, options)
}

function openWhole(
  { value, bytes, json }: WholeJson,
  reply: HttpReply,
  { isRelayed, ...options }: ResponseReadOptions,
): OpenedBatches<ChatEvent> {
  const { names } = options
  if (!isFields(value)) return frameFlow(framedAgain(reply, bytes), new ResponseFrames(names), options)
  const plain = plainResponseIn(value, { names, native: isRelayed ? wholeNative(value, json) : undefined })
  if (plain) return plain
  const decoder = new ResponseDecoder(names)
  return [...decoder.event(value), ...decoder.end()]
}
