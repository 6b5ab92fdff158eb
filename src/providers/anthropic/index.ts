import type { Account } from '../../accounts/account.ts'
import type { Support } from '../../chat/model.ts'
import type { Secret } from '../../chat/secret.ts'
import { askMessages, headersFor, type MessagesService } from '../../clients/anthropic-messages/ask-messages.ts'
import { listModels } from '../../clients/anthropic-messages/list-models.ts'
import { dialect } from '../../dialects/anthropic-messages/dialect.ts'
import type { ModelFacts } from '../../dialects/anthropic-messages/encode-request.ts'
import { withoutRoute } from '../../wire/base-url.ts'
import { RefusedFields } from '../../wire/refused-fields.ts'
import type { AccountCall, Provider } from '../provider.ts'

/** Endings that a copied base URL may have. They are removed, because each route begins with the version. */
const routes = ['/v1/messages/count_tokens', '/v1/messages', '/v1/models', '/v1']

/** Anthropic's own API: https://docs.claude.com/en/api/messages */
export const provider: Provider = {
  name: 'anthropic',
  // Claude Code and Anthropic's own clients read it, for example to find this gateway
  sharedVariables: ['ANTHROPIC_BASE_URL'],
  configure(variables) {
    const accounts = variables
      .secrets('ANTHROPIC_API_KEY')
      .map(({ name, secret }) => ({ label: name, credential: secret }))
    const origin = withoutRoute(variables.url('ANTHROPIC_BASE_URL') ?? 'https://api.anthropic.com', routes)
    const models = variables.list('ANTHROPIC_MODELS')
    const headers = variables.headers('ANTHROPIC_HEADERS')
    if (accounts.length === 0) return []
    const facts = new Map<string, ModelFacts>()
    const service: MessagesService = {
      origin,
      headers,
      refused: new RefusedFields(),
      factsOf: (model) => facts.get(model) ?? {},
      learn: (model, known) => void facts.set(model, known),
    }
    return [
      {
        name: 'anthropic',
        address: origin,
        accounts,
        support,
        ...(models && { models: models.map((id) => ({ id })) }),
        async listModels({ credential }: Account<Secret>, signal) {
          const found = await listModels(origin, headersFor(service, credential), signal)
          for (const { model, facts: known } of found) facts.set(model.id, known)
          return found.map(({ model }) => model)
        },
        chat: (request, call: AccountCall<Secret>) =>
          askMessages({ service, key: call.account.credential }, request, call),
      },
    ]
  },
  async emulate() {
    const { emulateAnthropic } = await import('./emulator/index.ts')
    const emulator = await emulateAnthropic({ models: ['claude-sonnet-4-5', 'claude-haiku-4-5'], paceMs: 20 })
    return { ...emulator, variables: { ANTHROPIC_API_KEY: 'any-key', ANTHROPIC_BASE_URL: emulator.origin } }
  },
}

/** What Anthropic supports. Anthropic, Messages */
const support: Support = {
  parameters: {
    tools: 'honoured',
    toolChoice: 'mapped',
    parallelToolCalls: 'mapped',
    responseFormat: 'mapped',
    temperature: 'honoured',
    topP: 'honoured',
    maxTokens: 'mapped',
    stop: 'mapped',
    reasoningEffort: 'mapped',
    user: 'mapped',
    serviceTier: 'honoured',
    choices: 'emulated',
  },
  ranges: { temperature: { min: 0, max: 1 } },
  words: { serviceTier: { default: 'standard_only', flex: 'auto', priority: 'auto', scale: 'auto' } },
  names: {
    maxTokens: 'max_tokens',
    reasoningEffort: 'output_config.effort',
    stop: 'stop_sequences',
    toolChoice: 'tool_choice',
    parallelToolCalls: 'tool_choice.disable_parallel_tool_use',
    responseFormat: 'output_config.format',
    user: 'metadata.user_id',
  },
  parts: ['text', 'image', 'file', 'reasoning', 'refusal', 'foreign'],
  formats: ['text', 'json', 'json-schema'],
  extraOf: dialect,
}
