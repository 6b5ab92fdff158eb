import type { Fields } from '../../../chat/message.ts'
import { type Support, supportFor } from '../../../chat/model.ts'
import { kindOf } from '../../../chat/model-kind.ts'
import { names } from '../../../dialects/openai-chat/decode-parameters.ts'
import { nextTurn } from '../../../flow/next-turn.ts'
import { emulatedSupport } from '../../../gateway/emulated-tools/emulation.ts'
import type { ListedModel } from '../../../gateway/known-models.ts'
import { unknownModel } from '../../../gateway/nothing-to-ask.ts'
import { answerJson } from '../../exchange/answer-json.ts'
import { visibleModels } from '../../exchange/visible-models.ts'

/** `GET /v1/models` */
export const listModels = answerJson(async (_request, { signal, caller }, { gateway: { catalog } }) => {
  const models = visibleModels(await catalog.list(signal), caller)
  // a header names the upstreams whose models are missing, because these models still exist
  const missing = catalog.missing()
  return {
    body: await bodyOf(models),
    ...(missing.length > 0 && { headers: { 'x-tributary-upstreams-missing': missing.join(', ') } }),
  }
})

/** `GET /v1/models/{model}`. The id may contain slashes, also as `%2F`. Slashes at the end are removed. */
export const retrieveModel = answerJson(async (request, { signal, caller }, { gateway: { catalog } }) => {
  const { mayUse } = caller
  const id = request.param('model')
  const model = id === undefined ? undefined : await catalog.find(id, signal)
  if (model && (!mayUse || (await catalog.allows(id ?? '', mayUse, signal)))) return { body: encodeModel(model) }
  throw unknownModel(id ?? '', catalog, caller)
})

/** The bodies that were written. The catalog gives the same list until a model changes. */
const bodies = new WeakMap<readonly ListedModel[], Promise<Blob>>()

function bodyOf(models: readonly ListedModel[]): Promise<Blob> {
  const known = bodies.get(models)
  if (known) return known
  const body = writeList(models)
  bodies.set(models, body)
  return body
}

/** Models that are written at once. It takes about a millisecond. */
const modelsAtOnce = 100

async function writeList(models: readonly ListedModel[]): Promise<Blob> {
  const texts: string[] = []
  for (let from = 0; from < models.length; from += modelsAtOnce) {
    if (from > 0) await nextTurn()
    for (const model of models.slice(from, from + modelsAtOnce)) texts.push(JSON.stringify(encodeModel(model)))
  }
  const edges = { has_more: false, first_id: models[0]?.id ?? null, last_id: models.at(-1)?.id ?? null }
  return new Blob([`{"object":"list","data":[${texts.join(',')}],${JSON.stringify(edges).slice(1)}`])
}

/** The treatment of each parameter, by OpenAI's names. A parameter that is missing here is dropped. */
function encodeSupport({ parameters, extraFields }: Support): Fields {
  const taken = new Map(Object.entries(parameters))
  const known = Object.entries(names).flatMap(([parameter, name]) => {
    const treatment = taken.get(parameter)
    return treatment ? [[name, treatment]] : []
  })
  return Object.fromEntries([...known, ...(extraFields?.names ?? []).map((name) => [name, 'honoured'])])
}

/**
 * Encodes a model with the members of OpenAI and of Anthropic, because clients of both ask here and ignore what they do not know.
 * All other known facts have OpenRouter's names.
 */
function encodeModel({ id, upstream, model, support, isEmulated, members, aliasOf }: ListedModel): Fields {
  const offered = support && supportFor(support, model.id)
  return {
    id,
    object: 'model',
    created: model.created ?? 0,
    owned_by: model.ownedBy ?? upstream,
    // a model that cannot chat has another `type`, as at Together
    type: members || kindOf(model) === 'chat' ? 'model' : kindOf(model),
    // Claude Code shows it in its list of models
    display_name: aliasOf === undefined ? id : `${id} (${aliasOf})`,
    created_at: new Date((model.created ?? 0) * 1_000).toISOString(),
    ...(model.contextLength && { context_length: model.contextLength }),
    ...(model.maxOutputTokens && { max_completion_tokens: model.maxOutputTokens }),
    ...((model.inputModalities || model.outputModalities) && {
      architecture: {
        input_modalities: model.inputModalities ?? ['text'],
        output_modalities: model.outputModalities ?? ['text'],
      },
    }),
    ...(model.capabilities && { capabilities: model.capabilities }),
    ...(offered && { parameters: encodeSupport(isEmulated ? emulatedSupport(offered) : offered) }),
    ...(members && { members }),
  }
}
