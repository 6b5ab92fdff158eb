import type { Fields } from '../../../chat/message.ts'
import { kindOf } from '../../../chat/model-kind.ts'
import type { Call } from '../../../flow/call.ts'
import type { ListedModel } from '../../../gateway/known-models.ts'
import type { Tool, ToolContext, ToolOutcome } from '../../../tools/tool.ts'
import type { Services } from '../../exchange/services.ts'
import { visibleModels } from '../../exchange/visible-models.ts'
import { askModel, type ModelQuestion } from './ask-model.ts'

const text = { type: 'string' } as const
const question = {
  prompt: { ...text, description: 'The question or task, with everything that the model must know.' },
  system: { ...text, description: 'Instructions for the model.' },
  max_tokens: { type: 'integer', minimum: 1, description: 'The most tokens of an answer.' },
}

/** Limits for the listed models, and for the models of a panel. */
const maxListed = 500
const maxMembers = 8

/** The gateway's own tools, by which a client reaches its models. */
export function ownTools(services: Services, call: Call): readonly Tool[] {
  return [
    ownTool({
      name: 'list_models',
      description: 'Lists the models that this gateway can ask, with their ids for ask_model and ask_panel.',
      properties: { query: { ...text, description: 'Only models whose id contains this text.' } },
      run: async ({ query }, { signal }) => {
        if (query !== undefined && typeof query !== 'string') return mistake('query must be a text.')
        const models = visibleModels(await services.gateway.catalog.list(signal), call.caller)
        return listed(models.filter(isChat), query ?? '')
      },
    }),
    ownTool({
      name: 'ask_model',
      description: 'Asks another model one question, and returns its answer. It sees nothing but the prompt.',
      properties: { model: { ...text, description: 'The id of the model, from list_models.' }, ...question },
      required: ['model', 'prompt'],
      run: async ({ model, ...args }, context) => {
        const asked = readQuestion(args)
        if (typeof model !== 'string' || model === '') return mistake('model must be the id of a model.')
        return typeof asked === 'string' ? mistake(asked) : askModel({ ...asked, model }, { services, call, context })
      },
    }),
    ownTool({
      name: 'ask_panel',
      description: 'Asks several models the same question at once, and returns all their answers.',
      properties: {
        models: {
          type: 'array',
          items: text,
          minItems: 2,
          maxItems: maxMembers,
          description: 'The ids of the models, from list_models.',
        },
        ...question,
      },
      required: ['models', 'prompt'],
      run: async ({ models, ...args }, context) => {
        const asked = readQuestion(args)
        const names = readNames(models)
        if (!names) return mistake(`models must be a list of 2 to ${maxMembers} ids of models.`)
        if (typeof asked === 'string') return mistake(asked)
        const member = (model: string) => askModel({ ...asked, model }, { services, call, context })
        return joined(names, await Promise.all(names.map(member)))
      },
    }),
  ]
}

interface OwnTool extends Pick<Tool, 'name' | 'description'> {
  readonly properties: Fields
  readonly required?: readonly string[]
  run(args: Fields, context: ToolContext): Promise<ToolOutcome>
}

function ownTool({ properties, required, ...tool }: OwnTool): Tool {
  const parameters = { type: 'object', properties, ...(required && { required }), additionalProperties: false }
  return { ...tool, server: 'tributary', parameters, supportsStreaming: true }
}

/** An outcome that tells the model what it did wrong. */
function mistake(content: string): ToolOutcome {
  return { content, isError: true }
}

/** @returns the question, or what is wrong with it */
function readQuestion({ prompt, system, max_tokens: maxTokens }: Fields): Omit<ModelQuestion, 'model'> | string {
  if (typeof prompt !== 'string' || prompt.trim() === '') return 'prompt must be a text.'
  if (system !== undefined && typeof system !== 'string') return 'system must be a text.'
  if (maxTokens !== undefined && (typeof maxTokens !== 'number' || !Number.isSafeInteger(maxTokens) || maxTokens < 1))
    return 'max_tokens must be a whole number over 0.'
  return { prompt, ...(system !== undefined && { system }), ...(maxTokens !== undefined && { maxTokens }) }
}

function readNames(models: unknown): readonly string[] | undefined {
  const names: readonly unknown[] = Array.isArray(models) ? models : []
  const found = [...new Set(names.filter((name) => typeof name === 'string' && name !== ''))]
  const isWhole = found.length === names.length && found.length >= 2 && found.length <= maxMembers
  return isWhole ? found.map(String) : undefined
}

function isChat({ model, members }: ListedModel): boolean {
  return members !== undefined || kindOf(model) === 'chat'
}

function listed(models: readonly ListedModel[], query: string): ToolOutcome {
  const wanted = models.filter(({ id }) => id.toLowerCase().includes(query.toLowerCase()))
  const shown = wanted.slice(0, maxListed).map(({ id, model, members, isPanel }) => ({
    id,
    ...(model.contextLength && { context_length: model.contextLength }),
    ...(members && { [isPanel ? 'panel_of' : 'route_of']: members }),
  }))
  const structured = { models: shown, more: wanted.length - shown.length }
  return { content: JSON.stringify(structured), isError: false, structured }
}

/** The answers under their models. The outcome is a failure only if all models failed. */
function joined(names: readonly string[], outcomes: readonly ToolOutcome[]): ToolOutcome {
  const sections = outcomes.map(({ content }, at) => `--- [${names[at]}] ---\n${content}`)
  return { content: sections.join('\n\n'), isError: outcomes.every(({ isError }) => isError) }
}
