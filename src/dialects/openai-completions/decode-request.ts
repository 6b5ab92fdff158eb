import { ChatError } from '../../chat/error.ts'
import type { Fields } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { rest } from '../fields.ts'
import { mustBe, refusedBody } from '../invalid-request.ts'
import { decodeRequest } from '../openai-chat/decode-request.ts'

/** A completion that a chat model writes. */
export interface CompletionOverChat {
  /** One for each prompt. */
  readonly requests: readonly ChatRequest[]
  /** The choices of each prompt. */
  readonly perPrompt: number
  readonly stream: boolean
  readonly includeUsage: boolean
  /** The client's name of the model. */
  readonly model: string
}

/** Limit for the choices of all prompts, as for those of one. */
const maxChoices = 128

/** Members of a completion that a chat does not have. */
const own = ['prompt', 'suffix', 'echo', 'logprobs', 'best_of']

/**
 * Reads the body of a completion as one chat for each prompt, with the prompt as the user's message.
 * @throws ChatError `invalid-request`, or `unsupported` for what a chat cannot do
 */
export function decodeCompletion(body: Fields): CompletionOverChat {
  refuseOwn(body)
  const prompts = promptsIn(body.prompt)
  const chat = rest(body, own) ?? {}
  const decoded = prompts.map((prompt) => decodeRequest({ ...chat, messages: [{ role: 'user', content: prompt }] }))
  const requests = decoded.map(({ request }) => request)
  const [first] = decoded
  const perPrompt = first?.request.parameters.choices ?? 1
  if (prompts.length * perPrompt > maxChoices)
    throw wrong('prompt', `asks for more than ${maxChoices} choices: the prompts times "n"`)
  const { stream = false, model = '' } = first?.request ?? {}
  return { requests, perPrompt, stream, includeUsage: first?.includeUsage ?? false, model }
}

/** @throws ChatError for what a chat model would answer wrongly */
function refuseOwn({ suffix, echo, logprobs, best_of: best, n }: Fields): void {
  if (typeof suffix === 'string' && suffix !== '') throw onlyChats('suffix', 'text after the prompt')
  if (echo === true) throw onlyChats('echo', 'prompt in its answer')
  if (typeof logprobs === 'number') throw onlyChats('logprobs', 'log probabilities of a completion')
  if (typeof best === 'number' && best > (typeof n === 'number' ? n : 1))
    throw onlyChats('best_of', 'choice of the best')
}

function onlyChats(param: string, what: string): ChatError {
  return new ChatError('unsupported', {
    message: `${param}: this model only answers chats, which have no ${what}. Use a model of an upstream with /v1/completions.`,
    param,
  })
}

function promptsIn(prompt: unknown): readonly string[] {
  const prompts = Array.isArray(prompt) ? prompt : [prompt]
  if (prompt === undefined || prompt === null)
    throw refusedBody({ path: ['prompt'], problem: 'is required', code: 'missing_required_parameter' })
  if (prompts.length === 0) throw wrong('prompt', 'must not be empty')
  return prompts.map((one, at) => {
    if (typeof one === 'string' && one !== '') return one
    const path = Array.isArray(prompt) ? ['prompt', at] : ['prompt']
    if (one === '') throw refusedBody({ path, problem: 'must not be empty', code: 'invalid_value' })
    if (typeof one === 'number' || Array.isArray(one)) throw onlyChats('prompt', 'token numbers')
    throw refusedBody({ path, problem: mustBe('a string', one), code: 'invalid_type' })
  })
}

function wrong(member: string, problem: string): ChatError {
  return refusedBody({ path: [member], problem, code: 'invalid_value' })
}
