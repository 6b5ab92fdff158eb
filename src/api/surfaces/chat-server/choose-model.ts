import type { Caller } from '../../../chat/caller.ts'
import { ChatError } from '../../../chat/error.ts'
import { type ToolBounds, takesTools } from '../../../chat/model.ts'
import { kindOf } from '../../../chat/model-kind.ts'
import type { Parameter, Parameters } from '../../../chat/request.ts'
import { Secret } from '../../../chat/secret.ts'
import { toolBoundsAt } from '../../../dialects/openai-chat/tool-bounds.ts'
import type { Cancel } from '../../../flow/cancel.ts'
import type { Chat } from '../../../flow/chat.ts'
import { parseBaseUrl, routeOf, routesOfOpenai } from '../../../wire/base-url.ts'
import { judge } from '../../../wire/egress.ts'
import type { Services } from '../../exchange/services.ts'
import { visibleModels } from '../../exchange/visible-models.ts'
import { ownEndpoint } from './own-endpoint.ts'
import type { ModelConfig, StreamBody } from './schema.ts'

export interface ChooseModel extends Pick<Services, 'gateway' | 'egress' | 'chatModel'> {
  readonly caller: Caller
  readonly signal: Cancel
}

/** The model that answers, and the server that has it. */
export interface ChosenModel {
  readonly model: string
  /** The caller's own server; undefined for the configured upstreams. */
  readonly own?: Chat
  /** That server's limits for tools, if they are known. */
  readonly toolBounds?: ToolBounds
}

/**
 * The original server's defaults for `base_url` and `model_name`, if a caller only sends its own key. upstreams.md, 5.1
 */
const usual = { base: 'https://api.openai.com/v1', model: 'gpt-3.5-turbo' }

/** The model configuration, which a body may have under two names. */
export function modelConfigOf({ model_config, ai_model_config }: Omit<StreamBody, 'content'>): ModelConfig {
  return model_config ?? ai_model_config ?? {}
}

/**
 * Chooses the model and the server. A caller's own address only gets the caller's own key. The gateway's keys only go
 * to configured upstreams.
 * @throws ChatError `invalid-request` `api_key_required`, `base_url_not_allowed`; `model-not-found`
 */
export async function chooseModel(config: ModelConfig, choice: ChooseModel): Promise<ChosenModel> {
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

/** Checks that the key is valid in a header. */
function keyOf(key: string): Secret {
  if (/^[\x21-\x7e]{1,512}$/.test(key)) return new Secret(key, "caller's")
  throw new ChatError('invalid-request', {
    message: 'model_config.api_key has invalid characters, or is too long.',
    code: 'invalid_value',
    param: 'model_config.api_key',
  })
}

/** The operator's default model, if it fits the requested upstream and the caller may use it; otherwise the first model. */
async function defaultModel(choice: ChooseModel, upstream?: string): Promise<string> {
  const { gateway, chatModel, signal, caller } = choice
  const isFitting = upstream === undefined || chatModel?.startsWith(`${upstream}/`)
  if (!isFitting || chatModel === undefined) return firstModel(choice, upstream)
  const isAllowed = !caller.mayUse || (await gateway.catalog.allows(chatModel, caller.mayUse, signal))
  return isAllowed ? chatModel : firstModel(choice, upstream)
}

/**
 * Finds the first model, of one upstream or of any, that can chat and call tools. If no model can do both, it finds the
 * first model that can chat. If no model can chat, it finds the first panel.
 */
async function firstModel({ gateway, signal, caller }: ChooseModel, upstream?: string): Promise<string> {
  const listed = visibleModels(await gateway.catalog.list(signal), caller).filter(
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

/** The parameters in a model configuration, and the caller's names for them. */
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
