import type { EmbeddingInput, EmbeddingRequest } from '../../chat/task.ts'
import { isFields, rest } from '../fields.ts'
import { gatewayWishes, withoutGatewayMembers } from '../gateway-members.ts'
import { mustBe, notABody, refusedBody, textIn } from '../invalid-request.ts'

/** Limit for the inputs of one request. OpenAI, Create embeddings */
const maxInputs = 2_048

const known = ['model', 'input', 'encoding_format', 'dimensions']

/** Reads the body of a request for embeddings. @throws ChatError `invalid-request` */
export function decodeEmbeddings(body: unknown): EmbeddingRequest {
  if (!isFields(body)) throw notABody('"model" and "input"')
  const model = textIn(body, 'model', [])
  if (model === '') throw refusedBody({ path: ['model'], problem: 'must not be empty', code: 'invalid_value' })
  const format = body.encoding_format ?? 'float'
  if (format !== 'float' && format !== 'base64') throw wrong('encoding_format', 'must be "float" or "base64"')
  const dimensions = body.dimensions ?? undefined
  if (dimensions !== undefined && !isCount(dimensions)) throw wrong('dimensions', 'must be a whole number over 0')
  return {
    task: 'embedding',
    model,
    stream: false,
    inputs: inputsIn(body.input),
    ...(dimensions !== undefined && { dimensions }),
    wantsBase64: format === 'base64',
    extra: rest(withoutGatewayMembers(body), known) ?? {},
    ...gatewayWishes(body),
  }
}

/** A list of numbers is one input of tokens. */
function inputsIn(input: unknown): readonly EmbeddingInput[] {
  if (typeof input === 'string') return [inputAt(input, ['input'])]
  if (!Array.isArray(input)) throw refusedBody(inputFault(input))
  if (typeof input[0] === 'number') return [inputAt(input, ['input'])]
  if (input.length === 0) throw wrong('input', 'must not be empty')
  if (input.length > maxInputs) throw wrong('input', `must have at most ${maxInputs} items`)
  return input.map((one, at) => inputAt(one, ['input', at]))
}

function inputAt(input: unknown, path: readonly PropertyKey[]): EmbeddingInput {
  const isRight = typeof input === 'string' || isTokens(input)
  if (isRight && input.length > 0) return input
  if (isRight || (Array.isArray(input) && input.length === 0))
    throw refusedBody({ path, problem: 'must not be empty', code: 'invalid_value' })
  throw refusedBody({ path, problem: mustBe('a string or a list of token numbers', input), code: 'invalid_type' })
}

function inputFault(input: unknown) {
  if (input === undefined || input === null)
    return { path: ['input'], problem: 'is required', code: 'missing_required_parameter' }
  const problem = mustBe('a string, a list of strings, or token numbers', input)
  return { path: ['input'], problem, code: 'invalid_type' }
}

function isTokens(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((token) => Number.isSafeInteger(token) && token >= 0)
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}

function wrong(member: string, problem: string) {
  return refusedBody({ path: [member], problem, code: 'invalid_value' })
}
