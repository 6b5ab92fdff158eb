import { ChatError } from '../../../chat/error.ts'
import { type ToolBounds, takesTools } from '../../../chat/model.ts'
import { kindOf } from '../../../chat/model-kind.ts'
import type { Parameter, Parameters } from '../../../chat/request.ts'
import { Secret } from '../../../chat/secret.ts'
import { toolBoundsAt } from '../../../dialects/openai-chat/tool-bounds.ts'
import type { Cancel } from '../../../flow/cancel.ts'
import type { Chat } from '../../../flow/chat.ts'
import type { Gateway } from '../../../gateway/gateway.ts'
import { parseBaseUrl, routeOf, routesOfOpenai } from '../../../wire/base-url.ts'
import { judge } from '../../../wire/egress.ts'
import type { Services } from '../../exchange/services.ts'
import { ownEndpoint } from './own-endpoint.ts'
import type { ModelConfig, StreamBody } from './schema.ts'

export interface ChooseModel extends Pick<Services, 'gateway' | 'egress' | 'chatModel'> {
  readonly signal: Cancel
}

/** Who is asked. */
export interface Chosen {
  readonly model: string
  /** The caller's own server; undefined for the configured upstreams. */
  readonly own?: Chat
  /** How much that takes of tools, where it is known. */
  readonly toolBounds?: ToolBounds
}

/** Where the original's `base_url` and `model_name` point, for a caller with a key of its own and nothing else. upstreams.md, 5.1 */
const usual = { base: 'https://api.openai.com/v1', model: 'gpt-3.5-turbo' }

/** The one that counts of the two names it goes by. */
export function modelConfigOf({ model_config, ai_model_config }: Omit<StreamBody, 'content'>): ModelConfig {
  return model_config ?? ai_model_config ?? {}
}

/**
 * Finds who is to answer. An address of the caller's is asked with the caller's key alone; ours go to configured
 * upstreams alone.
 * @throws ChatError `invalid-request` `api_key_required`, `base_url_not_allowed`; `model-not-found`
 */
export async function chooseModel(config: ModelConfig, choice: ChooseModel): Promise<Chosen> {
  const { gateway, egress, signal } = choice
  const { model_name: model, base_url: base, api_key: key } = config
  if (key) {
    const secret = keyOf(key)
    const pinned = await judge(base || usual.base, egress, signal)
    const toolBounds = toolBoundsAt(pinned.url.href)
    return { model: model ?? usual.model, own: ownEndpoint(pinned, secret), ...(toolBounds && { toolBounds }) }
  }
  if (!base) return { model: model ?? (await defaultModel(choice)) }
  const named = parseBaseUrl(base, routesOfOpenai)
  const upstream = gateway.upstreamAt(named ? routeOf(named, '') : base)
  if (upstream === undefined)
    throw new ChatError('invalid-request', {
      message: 'A base_url of your own needs an api_key of your own: keys of the gateway are sent nowhere else.',
      code: 'api_key_required',
      param: 'model_config.api_key',
    })
  return { model: model ? `${upstream}/${model}` : await defaultModel(choice, upstream) }
}

/** A key that cannot stand in a header is none. */
function keyOf(key: string): Secret {
  if (/^[\x21-\x7e]{1,512}$/.test(key)) return new Secret(key, "caller's")
  throw new ChatError('invalid-request', {
    message: 'model_config.api_key holds characters that no key has, or too many.',
    code: 'invalid_value',
    param: 'model_config.api_key',
  })
}

/** The operator's choice, where it is of the upstream that is asked for, or of any. */
async function defaultModel({ gateway, chatModel, signal }: ChooseModel, upstream?: string): Promise<string> {
  const isFitting = upstream === undefined || chatModel?.startsWith(`${upstream}/`)
  return isFitting && chatModel !== undefined ? chatModel : firstModel(gateway, signal, upstream)
}

/**
 * The first model that chats and takes tools, of one upstream or of any; failing that the first that chats, and one that
 * asks several only where there is no other.
 */
async function firstModel(gateway: Gateway, signal: Cancel, upstream?: string): Promise<string> {
  const listed = (await gateway.catalog.list(signal)).filter(
    (one) => upstream === undefined || one.upstream === upstream,
  )
  const chats = listed.filter(({ model, members }) => !members && kindOf(model) === 'chat')
  const first =
    chats.find(({ model, support }) => support && takesTools(support, model)) ??
    chats[0] ??
    listed.find(({ members }) => members)
  if (first) return first.id
  throw new ChatError('model-not-found', {
    message: `${listed.length > 0 ? 'No model that is listed here can chat' : 'No model is listed here'}. Name one in model_config.model_name.`,
    param: 'model_config.model_name',
  })
}

/** What of it is a parameter of the request, and how the caller spelled that. */
export function parametersOf({ temperature, max_tokens, max_completion_tokens }: ModelConfig): {
  readonly parameters: Parameters
  readonly spelling: Readonly<Partial<Record<Parameter, string>>>
} {
  const maxTokens = max_completion_tokens ?? max_tokens
  return {
    parameters: {
      ...(typeof temperature === 'number' && { temperature }),
      ...(typeof maxTokens === 'number' && { maxTokens }),
    },
    spelling: {
      ...(typeof temperature === 'number' && { temperature: 'temperature' }),
      ...(typeof maxTokens === 'number' && {
        maxTokens: typeof max_completion_tokens === 'number' ? 'max_completion_tokens' : 'max_tokens',
      }),
    },
  }
}
