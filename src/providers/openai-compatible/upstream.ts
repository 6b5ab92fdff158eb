import { z } from 'zod'
import type { Account } from '../../accounts/account.ts'
import type { Model, Support } from '../../chat/model.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Secret } from '../../chat/secret.ts'
import { askOpenaiChat, bearer } from '../../dialects/openai-chat/ask-openai-chat.ts'
import { readComplaint } from '../../dialects/openai-chat/complaint.ts'
import { dialect } from '../../dialects/openai-chat/dialect.ts'
import { encodeRequest } from '../../dialects/openai-chat/encode-request.ts'
import { isFields } from '../../dialects/openai-chat/fields.ts'
import { getJson } from '../../wire/get-json.ts'
import type { AccountCall, Upstream } from '../provider.ts'

type KeyAccount = Account<Secret | undefined>

export interface OpenaiCompatibleOptions {
  readonly name: string
  /** With the version path, without a trailing slash. */
  readonly url: string
  readonly accounts: readonly KeyAccount[]
  /** Whether one request may ask for several answers. */
  readonly manyChoices: boolean
  readonly models?: readonly string[]
}

/** An upstream that speaks Chat Completions: what a client of that dialect sends arrives as it was sent. */
export function openaiCompatible({
  name,
  url,
  accounts,
  manyChoices,
  models,
}: OpenaiCompatibleOptions): Upstream<Secret | undefined> {
  return {
    name,
    baseUrl: url,
    accounts,
    support: supportWith(manyChoices),
    ...(models && { models: models.map((id) => ({ id })) }),
    listModels: (account, signal) => listModels(`${url}/models`, account, signal),
    chat: (request, call) => chat(`${url}/chat/completions`, request, call),
  }
}

function chat(url: string, request: ChatRequest, call: AccountCall<Secret | undefined>) {
  const body = encodeRequest(request)
  const options = isFields(body.stream_options) ? body.stream_options : {}
  // usage is always asked for; whether the client sees it is its encoder's business
  const streamFields = { stream_options: { ...options, include_usage: true } }
  return askOpenaiChat({ url, key: call.account.credential, body, streamFields }, request, call)
}

function supportWith(manyChoices: boolean): Support {
  return {
    parameters: {
      tools: 'honoured',
      toolChoice: 'honoured',
      parallelToolCalls: 'honoured',
      responseFormat: 'honoured',
      temperature: 'honoured',
      topP: 'honoured',
      maxTokens: 'honoured',
      stop: 'honoured',
      seed: 'honoured',
      frequencyPenalty: 'honoured',
      presencePenalty: 'honoured',
      choices: manyChoices ? 'honoured' : 'emulated',
      logprobs: 'honoured',
      topLogprobs: 'honoured',
      reasoningEffort: 'honoured',
      user: 'honoured',
      metadata: 'honoured',
      serviceTier: 'honoured',
    },
    extraOf: dialect,
  }
}

const tokens = z.number().int().positive().nullish().catch(undefined)

/** `GET /models`: OpenAI gives an id, a time and an owner; others say more, under several names. */
const ModelList = z.looseObject({
  data: z.array(
    z.looseObject({
      id: z.string(),
      created: z.number().nullish().catch(undefined),
      owned_by: z.string().nullish().catch(undefined),
      context_length: tokens,
      context_window: tokens,
      max_model_len: tokens,
      max_completion_tokens: tokens,
    }),
  ),
})

async function listModels(url: string, { credential }: KeyAccount, signal: AbortSignal): Promise<readonly Model[]> {
  const { data } = await getJson({ url, headers: bearer(credential), schema: ModelList, readComplaint }, signal)
  return data.map(toModel)
}

function toModel(wire: z.infer<typeof ModelList>['data'][number]): Model {
  const contextLength = wire.context_length ?? wire.context_window ?? wire.max_model_len
  return {
    // Gemini's list has `models/…`, which its own chat endpoint takes without
    id: wire.id.replace(/^models\//, ''),
    ...(wire.created && { created: wire.created }),
    ...(wire.owned_by && { ownedBy: wire.owned_by }),
    ...(contextLength && { contextLength }),
    ...(wire.max_completion_tokens && { maxOutputTokens: wire.max_completion_tokens }),
  }
}
