import type { NoteDrift } from '../../chat/drift.ts'
import { ResponseDecoder } from '../../dialects/openai-responses/decode-stream.ts'
import { plainResponseIn, wholeNative } from '../../dialects/openai-responses/plain-response.ts'
import type { ToolNames } from '../../dialects/openai-responses/tool-names.ts'
import type { ReplyOptions, ReplyReader } from '../open-reply.ts'
import { ResponseFrames } from './response-frames.ts'

interface ResponseReadOptions extends ReplyOptions {
  /** How the tools of the request are called in the vocabulary, if they are called something else. */
  readonly names: ToolNames | undefined
  /** Whether the client has the same dialect, so that it can get a whole response as it came. */
  readonly isRelayed: boolean
  readonly noteDrift: NoteDrift | undefined
}

/** Reads the replies of a service with OpenAI's Responses API. */
export const responseReader: ReplyReader<ResponseReadOptions> = {
  frames: ({ names, noteDrift }) => new ResponseFrames(names, noteDrift),
  object(value, { json }, { names, isRelayed, noteDrift }) {
    const plain = plainResponseIn(value, { names, native: isRelayed ? wholeNative(value, json) : undefined })
    if (plain) return plain
    const decoder = new ResponseDecoder(names, noteDrift)
    return [...decoder.event(value), ...decoder.end()]
  },
}
