import type { Account } from '../../accounts/account.ts'
import type { ChatError } from '../../chat/error.ts'
import type { Fields } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Secret } from '../../chat/secret.ts'
import { askOpenaiChat } from '../../clients/openai-chat/ask-openai-chat.ts'
import { askResponses } from '../../clients/openai-responses/ask-responses.ts'
import { responsesSupport } from '../../clients/openai-responses/support.ts'
import { isFields } from '../../dialects/fields.ts'
import { encodeRequest } from '../../dialects/openai-chat/encode-request.ts'
import { relayRequest } from '../../dialects/openai-chat/relay-request.ts'
import { toolBoundsAt } from '../../dialects/openai-chat/tool-bounds.ts'
import type { Flow } from '../../flow/flow.ts'
import { type BaseUrl, routeOf } from '../../wire/base-url.ts'
import { RefusedFields } from '../../wire/refused-fields.ts'
import type { AccountCall, Upstream } from '../provider.ts'
import { ApiChoice, type ApiOptions } from './api-choice.ts'
import { deploymentIn, headersFor } from './azure.ts'
import { type Differences, supportWith } from './differences.ts'
import { isGoogle, markForeignCalls } from './foreign-calls.ts'
import { listModels } from './list-models.ts'
import { isOpenrouter, providerFields } from './openrouter.ts'
import { betaUrlFor, prefixAt } from './prefix.ts'
import { tasksAt } from './tasks.ts'

type KeyAccount = Account<Secret | undefined>

export interface OpenaiCompatibleOptions {
  readonly name: string
  /** The base URL with its version path, without a trailing slash. */
  readonly url: string
  /** The query of each address, with its `?`. */
  readonly query?: string
  /** Headers of each request, beside the key. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly accounts: readonly KeyAccount[]
  /** Whether one request may ask for several answers. */
  readonly manyChoices: boolean
  /** How it differs from OpenAI's own service. */
  readonly differs?: Differences
  /** Its APIs; only Chat Completions by default. */
  readonly api?: ApiOptions | undefined
  readonly models?: readonly string[] | undefined
}

const onlyChat: ApiOptions = { apis: ['chat'], responsesModels: [] }

/** An upstream with OpenAI's dialects. A request from a client of the same dialect arrives unchanged. */
export function openaiCompatible(options: OpenaiCompatibleOptions): Upstream<Secret | undefined> {
  const { name, url, query = '', accounts, manyChoices, models } = options
  const differs = options.differs ?? { refusesForeignCalls: isGoogle(url) }
  const base = { url, query }
  const toolBounds = differs.toolBounds ?? toolBoundsAt(url)
  const api = new ApiChoice(options.api ?? onlyChat)
  const deployment = deploymentIn(base)
  const takesProvider = isOpenrouter(name, url)
  const added = takesProvider ? (request: WithWishes) => providerFields(name, request) : () => undefined
  const service: OpenaiService = {
    base,
    added,
    chatUrl: routeOf(base, '/chat/completions'),
    headers: options.headers ?? {},
    refused: new RefusedFields(),
    differs,
    api,
  }
  const responses = { ...responsesSupport, ...(toolBounds && { toolBounds }) }
  return {
    name,
    baseUrl: `${url}${query}`,
    accounts,
    ...(takesProvider && { takesProvider }),
    ...(differs.cacheMs !== undefined && { cacheMs: differs.cacheMs }),
    support: {
      ...supportWith(manyChoices, differs),
      ...(toolBounds && { toolBounds }),
      instead: (request) => (api.of(request) === 'responses' ? responses : undefined),
    },
    prefixOf: prefixAt(url),
    ...(models && { models: models.map((id) => ({ id })) }),
    listModels: async ({ credential }, signal) => {
      if (deployment !== undefined) return [{ id: deployment }]
      return listModels({ base, headers: headersFor(base, service.headers, credential) }, signal)
    },
    chat: (request, call) => (api.of(request) === 'responses' ? respond : chat)(service, request, call),
    tasks: tasksAt(base, { headers: service.headers, maxInputs: differs.maxInputs, added }),
  }
}

type WithWishes = Pick<ChatRequest, 'wishes'>

/** The address and the headers of a service, and its differences from OpenAI's. */
interface OpenaiService {
  /** Members that a request's wishes add to its body. */
  added(request: WithWishes): Fields | undefined
  readonly base: BaseUrl
  readonly chatUrl: string
  readonly headers: Readonly<Record<string, string>>
  readonly refused: RefusedFields
  readonly differs: Differences
  readonly api: ApiChoice
}

function chat(service: OpenaiService, request: ChatRequest, call: AccountCall<Secret | undefined>): Flow {
  const { base, api, refused } = service
  const { refusesNames, refusesForeignCalls, names } = service.differs
  const asked = refusesForeignCalls ? markForeignCalls(request) : request
  // a request may have names that this service refuses
  const relay = refusesNames ? undefined : (whole: ChatRequest) => relayRequest(whole, names)
  const encode = (whole: ChatRequest) => ({
    ...encodeRequest(refusesNames ? withoutNames(whole) : whole, names),
    ...service.added(whole),
  })
  const headers = headersFor(base, service.headers, call.account.credential)
  const instead = ({ message }: ChatError) =>
    api.learn(request.model, message) && request.parameters.choices === undefined
      ? respond(service, request, call)
      : undefined
  return askOpenaiChat(
    {
      url: betaUrlFor(service.chatUrl, asked) ?? service.chatUrl,
      headers,
      encode,
      ...(relay && { relay }),
      streamFields,
      refused,
      instead,
    },
    asked,
    call,
  )
}

/** Asks the Responses API. */
function respond(service: OpenaiService, request: ChatRequest, call: AccountCall<Secret | undefined>): Flow {
  const { base, refused } = service
  const headers = headersFor(base, service.headers, call.account.credential)
  return askResponses({ url: routeOf(base, '/responses'), headers, refused, added: service.added }, request, call)
}

/** Usage is always requested; the encoder decides whether the client sees it. */
function streamFields({ stream_options: sent }: Fields): Fields {
  return { stream_options: { ...(isFields(sent) && sent), include_usage: true } }
}

function withoutNames(request: ChatRequest): ChatRequest {
  return { ...request, messages: request.messages.map(({ name: _, ...message }) => message) }
}
