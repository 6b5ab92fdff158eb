import type { ChatEvent } from '../../chat/event.ts'
import { plainMessageIn } from '../../dialects/anthropic-messages/plain-message.ts'
import { wholeNative } from '../../dialects/anthropic-messages/relayed-message.ts'
import { isFields } from '../../dialects/fields.ts'
import type { OpenedBatches } from '../../flow/flow.ts'
import type { HttpReply } from '../../wire/http-reply.ts'
import { type FramesCall, frameFlow } from '../../wire/read-frames.ts'
import { framedAgain, type WholeJson, wholeJson } from '../../wire/whole-json.ts'
import { MessageFrames, type MessageFramesOptions } from './message-frames.ts'

interface MessageReadOptions extends FramesCall, MessageFramesOptions {
  /** Whether a stream was requested. Only the bytes of the reply show whether it is one. */
  readonly stream: boolean
}

/**
 * Reads a service's reply, which may be a stream, a whole message, an error, or a web page. The events of a whole message are one
 * batch.
 * @throws ChatError for anything but a finished answer
 */
export function readReply(
  reply: HttpReply,
  options: MessageReadOptions,
): OpenedBatches<ChatEvent> | Promise<OpenedBatches<ChatEvent>> {
  const whole = options.stream ? undefined : wholeJson(reply)
  if (!whole) return frameFlow(reply, new MessageFrames(options), options)
  return whole instanceof Promise
    ? whole.then((read) => openWhole(read, reply, options))
    : openWhole(whole, reply, options)
}

function openWhole(
  { value, bytes, json }: WholeJson,
  reply: HttpReply,
  options: MessageReadOptions,
): OpenedBatches<ChatEvent> {
  if (!isFields(value)) return frameFlow(framedAgain(reply, bytes), new MessageFrames(options), options)
  const native = options.isRelayed ? wholeNative(value, json) : undefined
  const plain = plainMessageIn(value, native)
  if (plain) return plain
  const frames = new MessageFrames(options)
  return [...frames.whole(value, json), ...frames.end()]
}
