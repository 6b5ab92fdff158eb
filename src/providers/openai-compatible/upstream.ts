import type { Account } from '../../accounts/account.ts'
import type { Fields } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Secret } from '../../chat/secret.ts'
import { askOpenaiChat, bearer } from '../../clients/openai-chat/ask-openai-chat.ts'
import { isFields } from '../../dialects/fields.ts'
import { encodeRequest } from '../../dialects/openai-chat/encode-request.ts'
import { relayRequest } from '../../dialects/openai-chat/relay-request.ts'
import { toolBoundsAt } from '../../dialects/openai-chat/tool-bounds.ts'
import { type BaseUrl, routeOf } from '../../wire/base-url.ts'
import { RefusedFields } from '../../wire/refused-fields.ts'
import type { AccountCall, Upstream } from '../provider.ts'
import { type Differences, supportWith } from './differences.ts'
import { listModels } from './list-models.ts'

type KeyAccount = Account<Secret | undefined>

export interface OpenaiCompatibleOptions {
  readonly name: string
  /** The base URL with its version path, without a trailing slash. */
  readonly url: string
  /** The query of each address, with its `?`. */
  readonly query?: string
  /** Headers of each request, beside the key. */
  readonly headers?: Readonly<Record<string, string>>
  readonly accounts: readonly KeyAccount[]
  /** Whether one request may ask for several answers. */
  readonly manyChoices: boolean
  /** How it differs from OpenAI's own service. */
  readonly differs?: Differences
  readonly models?: readonly string[]
}

/** An upstream with the Chat Completions dialect. A request from a client of that dialect arrives unchanged. */
export function openaiCompatible(options: OpenaiCompatibleOptions): Upstream<Secret | undefined> {
  const { name, url, query = '', accounts, manyChoices, models, differs = {} } = options
  const base = { url, query }
  const toolBounds = differs.toolBounds ?? toolBoundsAt(url)
  const service: OpenaiService = {
    chatUrl: routeOf(base, '/chat/completions'),
    headers: options.headers ?? {},
    deployment: deploymentIn(base),
    refused: new RefusedFields(),
    differs,
  }
  return {
    name,
    baseUrl: `${url}${query}`,
    accounts,
    support: { ...supportWith(manyChoices, differs), ...(toolBounds && { toolBounds }) },
    ...(models && { models: models.map((id) => ({ id })) }),
    listModels: async ({ credential }, signal) => {
      if (service.deployment !== undefined) return [{ id: service.deployment }]
      return listModels({ base, headers: headersFor(service, credential) }, signal)
    },
    chat: (request, call) => chat(service, request, call),
  }
}

/** The address and the headers of a service, and its differences from OpenAI's. */
interface OpenaiService {
  readonly chatUrl: string
  readonly headers: Readonly<Record<string, string>>
  /** Azure's name of the only model at its address. */
  readonly deployment: string | undefined
  readonly refused: RefusedFields
  readonly differs: Differences
}

/** `https://RESOURCE.openai.azure.com/openai/deployments/NAME?api-version=…`. Azure OpenAI, REST API reference */
function deploymentIn({ url }: BaseUrl): string | undefined {
  const [, name] = /\/openai\/deployments\/([^/]+)$/.exec(new URL(url).pathname) ?? []
  return name && decodeURIComponent(name)
}

/**
 * The headers with the key. Azure expects a key in `api-key`, and a token of Entra as a bearer (openai/openai-node,
 * src/azure.ts); all others expect the key as a bearer. A header that the operator sets replaces both.
 */
function headersFor({ headers, deployment }: OpenaiService, key: Secret | undefined): Readonly<Record<string, string>> {
  if (deployment === undefined || !key) return { ...bearer(key), ...headers }
  return { ...('authorization' in headers ? {} : { 'api-key': key.reveal() }), ...headers }
}

function chat(service: OpenaiService, request: ChatRequest, call: AccountCall<Secret | undefined>) {
  const { refusesNames, names } = service.differs
  // a request may have names that this service refuses
  const relay = refusesNames ? undefined : (asked: ChatRequest) => relayRequest(asked, names)
  const encode = (asked: ChatRequest) => encodeRequest(refusesNames ? withoutNames(asked) : asked, names)
  const headers = headersFor(service, call.account.credential)
  return askOpenaiChat(
    { url: service.chatUrl, headers, encode, ...(relay && { relay }), streamFields, refused: service.refused },
    request,
    call,
  )
}

/** Usage is always requested; the encoder decides whether the client sees it. */
function streamFields({ stream_options: sent }: Fields): Fields {
  return { stream_options: { ...(isFields(sent) && sent), include_usage: true } }
}

function withoutNames(request: ChatRequest): ChatRequest {
  return { ...request, messages: request.messages.map(({ name: _, ...message }) => message) }
}
