import { ChatError } from '../../../chat/error.ts'
import type { Fields } from '../../../chat/message.ts'
import { type Support, supportFor } from '../../../chat/model.ts'
import { kindOf } from '../../../chat/model-kind.ts'
import { names } from '../../../dialects/openai-chat/decode-parameters.ts'
import type { Listed } from '../../../gateway/catalog.ts'
import type { Gateway } from '../../../gateway/gateway.ts'
import { type Exchange, jsonResponse } from '../../exchange/exchange.ts'

/** `GET /v1/models` */
export async function listModels(exchange: Exchange, gateway: Gateway): Promise<Response> {
  const models = await gateway.catalog.list(exchange.request.signal)
  const body = { object: 'list', data: models.map(encodeModel) }
  return jsonResponse(exchange, body, { headers: missingHeaders(gateway) })
}

/** A list that lacks an upstream says so: its models are not gone. */
function missingHeaders({ catalog }: Gateway): Readonly<Record<string, string>> {
  const missing = catalog.missing()
  return missing.length > 0 ? { 'x-tributary-upstreams-missing': missing.join(', ') } : {}
}

/** `GET /v1/models/{id}`. The id may hold slashes, as they are or as `%2F`; those at its end are a base URL's. */
export async function retrieveModel(exchange: Exchange, gateway: Gateway): Promise<Response> {
  const encoded = withoutLastSlashes(exchange.path.slice('/v1/models/'.length))
  if (encoded === '') return listModels(exchange, gateway)
  const id = decodeId(encoded)
  const model = id === undefined ? undefined : await gateway.catalog.find(id, exchange.request.signal)
  if (model) return jsonResponse(exchange, encodeModel(model))
  throw new ChatError('model-not-found', {
    message: 'This model does not exist here. GET /v1/models lists those that do.',
    param: 'model',
  })
}

function withoutLastSlashes(text: string): string {
  let end = text.length
  while (text.endsWith('/', end)) end--
  return text.slice(0, end)
}

function decodeId(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

/** What becomes of each parameter, by OpenAI's names; one that is not there is dropped. */
function encodeSupport({ parameters, extraFields = [] }: Support): Fields {
  const taken = new Map(Object.entries(parameters))
  const known = Object.entries(names).flatMap(([parameter, name]) => {
    const treatment = taken.get(parameter)
    return treatment ? [[name, treatment]] : []
  })
  return Object.fromEntries([...known, ...extraFields.map((name) => [name, 'honoured'])])
}

/** OpenAI's four members, and what else is known, under OpenRouter's names. */
function encodeModel({ id, upstream, model, support, members }: Listed): Fields {
  return {
    id,
    object: 'model',
    created: model.created ?? 0,
    owned_by: model.ownedBy ?? upstream,
    // what cannot chat is marked, under Together's name for it
    ...(!members && kindOf(model) !== 'chat' && { type: kindOf(model) }),
    ...(model.contextLength && { context_length: model.contextLength }),
    ...(model.maxOutputTokens && { max_completion_tokens: model.maxOutputTokens }),
    ...((model.inputModalities || model.outputModalities) && {
      architecture: {
        input_modalities: model.inputModalities ?? ['text'],
        output_modalities: model.outputModalities ?? ['text'],
      },
    }),
    ...(model.capabilities && { capabilities: model.capabilities }),
    ...(support && { parameters: encodeSupport(supportFor(support, model.id)) }),
    ...(members && { members }),
  }
}
