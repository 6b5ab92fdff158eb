import { asChatError, ChatError } from '../../chat/error.ts'
import { joinEmbeddings } from '../../chat/join-embeddings.ts'
import type { Fields } from '../../chat/message.ts'
import type { NoteQuota } from '../../chat/quota.ts'
import type { EmbeddingEvent, EmbeddingInput, EmbeddingRequest } from '../../chat/task.ts'
import { fitDimensions } from '../../dialects/openai-embeddings/fit-dimensions.ts'
import type { Call } from '../../flow/call.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { type Flow, flowOf } from '../../flow/flow.ts'
import type { UpstreamComplaint } from '../../wire/http-status.ts'
import { notJson, readUpstreamJson } from '../../wire/json.ts'
import { postJson } from '../../wire/post-json.ts'
import type { UnservedTasks } from './unserved-tasks.ts'

/** How a service is asked for embeddings. */
export interface EmbeddingsService {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  encode(request: EmbeddingRequest): Fields
  /** Reads a reply for `count` inputs. @throws ChatError */
  decode(reply: unknown, count: number): readonly EmbeddingEvent[]
  readonly readComplaint: (body: unknown) => UpstreamComplaint
  readonly limit: InputLimit
  /** Learns from refusals. */
  readonly unserved: UnservedTasks
  /** Whether the model's tokens are those of OpenAI, so that a client may send them in place of text. */
  takesTokens(model: string): boolean
}

/** How many inputs an upstream takes at once. It is lowered when the upstream states a lower limit. */
export class InputLimit {
  #most: number

  constructor(most: number) {
    this.#most = most
  }

  get most(): number {
    return this.#most
  }

  /**
   * Finds in a refusal how many inputs to send instead: `batch size 64 > maximum allowed batch size 32`, `at most 100
   * requests can be in one batch`, `batch size is invalid, it should not be larger than 10`. A limit for the tokens of a
   * request (`max 300000 tokens per request`, `Too many tokens overall, split into more batches`) is not one for inputs,
   * so half of them are tried.
   * @returns undefined if the refusal has another cause
   */
  learn({ message }: ChatError, count: number): number | undefined {
    if (/\btokens (per|in (one|a)) request|split into (more|smaller) batches/i.test(message))
      return Math.ceil(count / 2)
    const [, stated] = /(?:max(?:imum)?|at most|(?:larger|more) than|up to|limit)\D{0,24}(\d+)/i.exec(message) ?? []
    const most = Number(stated ?? 0)
    if (!/batch|inputs|texts|items/i.test(message) || most === 0 || most >= count) return undefined
    this.#most = Math.min(most, this.#most)
    return most
  }
}

/** Asks for embeddings. A request with more inputs than the upstream takes is sent in parts once it has said so. */
export function askEmbeddings(service: EmbeddingsService, request: EmbeddingRequest, call: Call): Flow<EmbeddingEvent> {
  return flowOf(async (signal) => {
    if (!service.takesTokens(request.model)) refuseTokens(request.inputs)
    const headers = { ...service.headers, 'x-tributary-hops': String(call.hops + 1) }
    try {
      return await askInParts({ ...service, headers, noteQuota: call.noteQuota }, request, signal)
    } catch (thrown) {
      throw service.unserved.learn(thrown, request, signal)
    }
  }, call.signal)
}

interface AskedEmbeddings extends EmbeddingsService {
  readonly noteQuota: NoteQuota | undefined
}

async function askInParts(
  service: AskedEmbeddings,
  request: EmbeddingRequest,
  signal: Cancel,
): Promise<readonly EmbeddingEvent[]> {
  const { length } = request.inputs
  let most: number | undefined
  try {
    return await askOnce(service, request, signal)
  } catch (thrown) {
    most = length > 1 && !signal.aborted ? service.limit.learn(asChatError(thrown), length) : undefined
    if (most === undefined) throw thrown
  }
  const answers = []
  for (let from = 0; from < length; from += most)
    answers.push(await askInParts(service, { ...request, inputs: request.inputs.slice(from, from + most) }, signal))
  return joinEmbeddings(answers)
}

async function askOnce(
  { url, headers, encode, decode, readComplaint, noteQuota }: AskedEmbeddings,
  request: EmbeddingRequest,
  signal: Cancel,
): Promise<readonly EmbeddingEvent[]> {
  const post = { url, headers, body: { value: encode(request) }, stream: false, readComplaint, noteQuota }
  const reply = await postJson(post, signal)
  const value = await readUpstreamJson(await reply.bytes())
  if (value === undefined) throw notJson()
  return fitDimensions(decode(value, request.inputs.length), request)
}

/** @throws ChatError for tokens, which mean other words to a model with another tokenizer */
function refuseTokens(inputs: readonly EmbeddingInput[]): void {
  const at = inputs.findIndex((input) => typeof input !== 'string')
  if (at === -1) return
  throw new ChatError('unsupported', {
    message:
      'input: this model does not read the token numbers of OpenAI. Send text: in LangChain set check_embedding_ctx_length=False.',
    param: `input[${at}]`,
  })
}
