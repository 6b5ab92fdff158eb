import type { Fields } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { isFields, rest } from '../fields.ts'
import { gatewayWishes, withoutGatewayMembers } from '../gateway-members.ts'
import { mustBe, notABody, refusedBody, tooMany } from '../invalid-request.ts'
import { readFlag } from '../readings.ts'
import { decodeMessages } from './decode-messages.ts'
import { decodeParameters } from './decode-parameters.ts'
import { dialect } from './dialect.ts'
import { type DecodedMembers, isPlainBody, NativeBody } from './native-body.ts'
import { promptIn } from './prompt.ts'

/** A client's request, and an option for the encoder of the answer. */
export interface DecodedRequest {
  readonly request: ChatRequest
  /** `stream_options.include_usage` */
  readonly includeUsage: boolean
}

/** Maximum number of tools of a request. */
const maxTools = 4_096

/**
 * Reads the parsed body of a Chat Completions request. Only the fields that the gateway itself needs must be valid: the model,
 * messages with a role, and `stream`. All else goes unchanged to an upstream of this dialect. Upstreams of other dialects
 * refuse what was not understood (docs/decisions/0025-as-lenient-as-the-upstream.md).
 * @throws ChatError `invalid-request`, with the path of the first member that is wrong; `too-large`
 */
export function decodeRequest(body: unknown): DecodedRequest {
  const plain = decodePlainRequest(body)
  if (plain) return plain
  const steps = decodeSteps(body)
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value
}

/**
 * Decodes a body whose messages are all plain, as nearly every body is, and keeps it for an upstream of this dialect
 * (docs/decisions/0046-requests-by-reference.md). Returns undefined for any other body.
 * @param bytes the JSON of the body
 * @throws as `decodeRequest`
 */
export function decodePlainRequest(body: unknown, bytes?: Uint8Array): DecodedRequest | undefined {
  if (!isPlainBody(body)) return undefined
  const { model, members, unread, stream, includeUsage } = decodeMembers(body)
  if (unread.length > 0) return undefined
  const native = new NativeBody(body, members, bytes)
  const request: ChatRequest = {
    dialect,
    model,
    get messages() {
      return native.messages
    },
    ...members,
    stream,
    prompt: () => promptIn(body),
    native,
  }
  return { request, includeUsage }
}

/** Does the same as `decodeRequest`, and yields so that other work can run. @throws as `decodeRequest` */
export function* decodeSteps(given: unknown): Generator<void, DecodedRequest> {
  if (!isFields(given)) throw notABody('"model" and "messages"')
  const body = withoutGatewayMembers(given)
  modelIn(body)
  const { messages, unread } = yield* decodeMessages(messagesIn(body))
  const { model, members, stream, includeUsage, unread: others } = decodeMembers(body)
  const all = [...unread, ...others]
  const wishes = gatewayWishes(given)
  const prompt = () => promptIn(body)
  const unreadFields = all.length > 0 && { unread: all }
  const request = { dialect, model, messages, ...members, ...wishes, ...unreadFields, stream, prompt }
  return { request, includeUsage }
}

/** Decodes all members but the messages. @throws as `decodeRequest` */
function decodeMembers(body: Fields) {
  const model = modelIn(body)
  if (Array.isArray(body.tools) && body.tools.length > maxTools) throw tooMany('tools', 'tools', maxTools)
  const { parameters, spelling, sent, unread, others } = decodeParameters(body)
  const streamed = isFields(body.stream_options) ? body.stream_options : undefined
  const options = streamed && rest(streamed, ['include_usage'])
  const own = hasIdleFunctions(body) ? (rest(others, ['functions', 'function_call']) ?? {}) : others
  const extra = { [dialect]: options ? { ...own, stream_options: options } : own }
  const members: DecodedMembers = { parameters, spelling, ...(hasMembers(sent) && { sent }), extra }
  return { model, members, unread, stream: streamIn(body), includeUsage: wantsUsage(streamed) }
}

function hasMembers(object: object): boolean {
  for (const _ in object) return true
  return false
}

function modelIn({ model }: Fields): string {
  if (typeof model === 'string' && model !== '') return model
  const problem = model === undefined ? 'is required' : model === '' ? 'must not be empty' : mustBe('a string', model)
  const code = model === undefined ? 'missing_required_parameter' : model === '' ? 'invalid_value' : 'invalid_type'
  throw refusedBody({ path: ['model'], problem, code })
}

function messagesIn({ messages }: Fields): readonly unknown[] {
  if (Array.isArray(messages) && messages.length > 0) return messages
  const isMissing = messages === undefined
  const problem = isMissing ? 'is required' : Array.isArray(messages) ? 'must not be empty' : mustBe('a list', messages)
  throw refusedBody({ path: ['messages'], problem, code: isMissing ? 'missing_required_parameter' : 'invalid_type' })
}

function streamIn({ stream }: Fields): boolean {
  if (typeof stream === 'boolean') return stream
  if (stream === undefined || stream === null) return false
  const reading = readFlag(stream)
  if ('wrong' in reading) throw refusedBody({ path: ['stream'], problem: reading.wrong, code: 'invalid_type' })
  return reading.value ?? false
}

function wantsUsage(options: Fields | undefined): boolean {
  if (!options) return false
  const reading = readFlag(options.include_usage)
  return !('wrong' in reading) && reading.value === true
}

/** Whether an empty list of functions makes other members useless. OpenAI refuses `function_call` without functions. */
function hasIdleFunctions({ functions }: Fields): boolean {
  return functions === null || (Array.isArray(functions) && functions.length === 0)
}
