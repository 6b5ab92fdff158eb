import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { ChatError } from '../chat/error.ts'
import { decodeRequest as decodeMessages } from './anthropic-messages/decode-request.ts'
import { isFields } from './fields.ts'
import { decodeRequest as decodeResponses } from './openai-responses/decode-request.ts'

/** Values that a JSON text can have, also under names that every object inherits, and numbers of which the digits are kept. */
const odd = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<unknown>(null, '', [], {}, true, 0, -1, '7', 'a', 'auto') },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(
      { toString: 1 },
      JSON.parse('{"toString":null,"valueOf":null}'),
      JSON.parse('{"__proto__":{"type":"text"}}'),
      JSON.rawJSON('1e400'),
      '__proto__',
      'constructor',
      'toString',
    ),
  },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
)

const types = [
  'text input_text output_text refusal input_image input_file input_audio image document search_result thinking redacted_thinking',
  'tool_use tool_result tool_reference message reasoning function_call function_call_output custom_tool_call custom_tool_call_output',
  'tool_search_call tool_search_output additional_tools configuration_update item_reference local_shell_call computer_call_output',
  'web_search web_search_call function custom namespace tool_search mcp tool any allowed_tools json_schema base64 url content enabled',
].flatMap((line) => line.split(' '))

const names =
  'id name call_id tool_use_id content text refusal input arguments output tools summary source data media_type title tool_name namespace format definition syntax is_error execution action parameters input_schema signature thinking image_url input_audio file_data url mode detail'.split(
    ' ',
  )

/** An object of a known type, of which some members are odd. */
const { thing } = fc.letrec<{ thing: unknown; value: unknown }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, odd, tie('thing'), fc.array(tie('thing'), { maxLength: 3 })),
  thing: fc
    .tuple(
      fc.oneof({ weight: 9, arbitrary: fc.constantFrom<unknown>(...types) }, { weight: 1, arbitrary: odd }),
      fc.dictionary(fc.constantFrom(...names), tie('value'), { maxKeys: 5 }),
      fc.constantFrom<unknown>('user', 'assistant', 'system', 'developer', undefined),
    )
    .map(([type, members, role]) => ({ type, ...(role !== undefined && { role }), ...members })),
}))

const things = fc.oneof({ weight: 6, arbitrary: fc.array(thing, { maxLength: 5 }) }, { weight: 1, arbitrary: odd })
const settings = fc.dictionary(
  fc.constantFrom(
    ...'tool_choice text reasoning thinking output_config metadata stream max_tokens temperature stop_sequences max_output_tokens top_p instructions previous_response_id'.split(
      ' ',
    ),
  ),
  fc.oneof(odd, thing),
  { maxKeys: 3 },
)

const decoders: Readonly<Record<string, { decode: (body: object) => unknown; list: string }>> = {
  'Messages API': { decode: (body) => decodeMessages(body), list: 'messages' },
  'Responses API': { decode: (body) => isFields(body) && decodeResponses(body), list: 'input' },
}

describe('an odd request is decoded, or refused with the place of its fault', () => {
  for (const [name, { decode, list }] of Object.entries(decoders))
    test(name, () => {
      fc.assert(
        fc.property(things, things, things, settings, (items, tools, system, more) => {
          try {
            decode({ model: 'm', ...more, [list]: items, tools, system })
          } catch (thrown) {
            if (!(thrown instanceof ChatError)) throw thrown
            expect(thrown.meaning.status).toBeWithin(400, 500)
            expect(thrown.param).toBeString()
          }
        }),
        { numRuns: 500 },
      )
    })
})
