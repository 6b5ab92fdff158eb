import { plainMessageIn } from '../../dialects/anthropic-messages/plain-message.ts'
import { wholeNative } from '../../dialects/anthropic-messages/relayed-message.ts'
import type { ReplyOptions, ReplyReader } from '../open-reply.ts'
import { MessageFrames, type MessageFramesOptions } from './message-frames.ts'

/** Reads the replies of a service with Anthropic's Messages API. */
export const messageReader: ReplyReader<ReplyOptions & MessageFramesOptions> = {
  frames: (options) => new MessageFrames(options),
  object(value, { json }, options) {
    const plain = plainMessageIn(value, options.isRelayed ? wholeNative(value, json) : undefined)
    if (plain) return plain
    const frames = new MessageFrames(options)
    return [...frames.whole(value, json), ...frames.end()]
  },
}
