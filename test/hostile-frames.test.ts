/** Frames with members of any type, in any order: each decoder of a provider's own format gives events or a ChatError. */
import { test } from 'bun:test'
import fc from 'fast-check'
import { ChatError } from '../src/chat/error.ts'
import { MessageFrames } from '../src/clients/anthropic-messages/message-frames.ts'
import { ResponseFrames } from '../src/clients/openai-responses/response-frames.ts'
import { CohereDecoder } from '../src/providers/cohere/events.ts'
import { DataStreamDecoder } from '../src/providers/smithery/data-stream.ts'
import { UiMessageDecoder } from '../src/providers/smithery/events.ts'
import type { FrameDecoder } from '../src/wire/read-frames.ts'
import { runs } from './sizes.ts'

const keys = ['__proto__', 'constructor', 'toString', 'id', 'index', 'type', 'delta', 'message', 'content', 'text']
const more = [
  'tool_calls',
  'function',
  'arguments',
  'name',
  'usage',
  'finish_reason',
  'input',
  'toolCallId',
  'toolName',
]
const anthropic = ['content_block', 'stop_reason', 'partial_json', 'signature', 'citation', 'tool_use_id', 'data']
const responses = [
  'item',
  'output_index',
  'item_id',
  'response',
  'output',
  'summary',
  'annotations',
  'call_id',
  'status',
]
const smithery = ['errorText', 'messageMetadata', 'inputTextDelta', 'url', 'error', 'detail', 'code']
const key = fc.constantFrom(...keys, ...more, ...anthropic, ...responses, ...smithery)
const kinds = ['message', 'reasoning', 'function_call', 'custom_tool_call', 'web_search_call', 'output_text']
const words = ['', 'a', '7', '\ud83d', 'COMPLETE', 'text', '{"a":', ...kinds]
const anything = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom<unknown>(null, true, -1, 0, 1.5, 1e300, ...words),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(key, tie('value')),
  ),
})).value

function drive(decoder: FrameDecoder, frames: readonly string[]): void {
  try {
    for (const data of frames) decoder.frame({ data })
    decoder.end('terminated')
  } catch (thrown) {
    if (!(thrown instanceof ChatError)) throw thrown
  }
}

/** Frames whose `type` is one of a few. */
function framesOf(types: string): fc.Arbitrary<string[]> {
  const frame = fc.tuple(fc.constantFrom(...types.split(' ')), fc.dictionary(key, anything))
  return fc.array(
    frame.map(([type, members]) => JSON.stringify({ ...members, type })),
    { maxLength: 6 },
  )
}

const cohere = 'message-start content-start content-delta content-end tool-plan-delta tool-call-start tool-call-delta'
const moreOfCohere = 'tool-call-end citation-start citation-end message-end error odd'
const messages =
  'message_start content_block_start content_block_delta content_block_stop message_delta message_stop error ping'
const items = 'output_item.added output_item.done output_text.delta output_text.done output_text.annotation.added'
const moreItems =
  'function_call_arguments.delta custom_tool_call_input.delta reasoning_summary_text.delta completed failed'
const ofResponses = `${items} ${moreItems}`.replaceAll(/\S+/g, 'response.$&')
const ui = 'start text-start text-delta text-end reasoning-start reasoning-delta tool-input-start tool-input-delta'
const moreOfUi = 'tool-input-available tool-output-available source-url file error finish abort finish-step'
const lines = fc.array(
  fc.tuple(fc.constantFrom(...'0239abcdefgh8'), anything).map(([code, value]) => `${code}:${JSON.stringify(value)}`),
  { maxLength: 6 },
)

const decoders: readonly (readonly [string, () => FrameDecoder, fc.Arbitrary<string[]>])[] = [
  ['anthropic', () => new MessageFrames(), framesOf(messages)],
  ['the Responses API', () => new ResponseFrames(), framesOf(ofResponses)],
  ['cohere', () => new CohereDecoder(), framesOf(`${cohere} ${moreOfCohere}`)],
  ['smithery’s UI message stream', () => new UiMessageDecoder(), framesOf(`${ui} ${moreOfUi}`)],
  ['smithery’s data stream', () => new DataStreamDecoder(), lines],
]
for (const [name, open, frames] of decoders)
  test(`any frames of ${name} are events or a ChatError`, () => {
    fc.assert(
      fc.property(frames, (each) => drive(open(), each)),
      { numRuns: runs(5000) },
    )
  })
