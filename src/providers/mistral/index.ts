import type { Account } from '../../accounts/account.ts'
import type { Model, Support } from '../../chat/model.ts'
import { kindOf } from '../../chat/model-kind.ts'
import type { Secret } from '../../chat/secret.ts'
import { askOpenaiChat, bearer } from '../../clients/openai-chat/ask-openai-chat.ts'
import { getModels } from '../../clients/openai-chat/get-models.ts'
import { type Deviations, encodeStrictly } from '../../dialects/openai-chat/deviations.ts'
import { dialect } from '../../dialects/openai-chat/dialect.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { withoutRoute } from '../../wire/base-url.ts'
import { RefusedFields } from '../../wire/refused-fields.ts'
import type { Provider, Upstream } from '../provider.ts'
import { orderMessages } from './order-messages.ts'
import { mistralTasks } from './tasks.ts'

/** Endings that a copied base URL may have. They are removed, because each route begins with the version. */
const routes = ['/v1/chat/completions', '/v1/models', '/v1']

/** Mistral's own API, which has almost OpenAI's dialect: https://docs.mistral.ai/api */
export const provider: Provider = {
  name: 'mistral',
  configure(variables) {
    const accounts = variables.secrets('MISTRAL_TOKEN').map(({ name, secret }) => ({ label: name, credential: secret }))
    const origin = withoutRoute(variables.url('MISTRAL_BASE_URL') ?? 'https://api.mistral.ai', routes)
    const models = variables.list('MISTRAL_MODELS')
    return accounts.length > 0 ? [mistral(origin, accounts, models)] : []
  },
  async emulate() {
    const { emulateMistral } = await import('./emulator/index.ts')
    const emulator = await emulateMistral()
    return { ...emulator, variables: { MISTRAL_TOKEN: 'any-token', MISTRAL_BASE_URL: emulator.origin } }
  },
}

function mistral(
  origin: string,
  accounts: readonly Account<Secret>[],
  models: readonly string[] | undefined,
): Upstream<Secret> {
  const refused = new RefusedFields()
  return {
    name: 'mistral',
    baseUrl: `${origin}/v1`,
    accounts,
    support,
    // docs.mistral.ai, Chat Completion, `prefix`: the answer starts with it; it is part of the answer: SillyTavern/SillyTavern#2557.
    // `orderMessages` marks the message
    prefixOf: () => ({ isRepeated: true }),
    ...(models && { models: models.map((id) => ({ id })) }),
    listModels: (account, signal) => listModels(`${origin}/v1/models`, account.credential, signal),
    tasks: mistralTasks(origin),
    chat: (request, call) =>
      askOpenaiChat(
        {
          url: `${origin}/v1/chat/completions`,
          headers: bearer(call.account.credential),
          encode: (asked) => encodeStrictly(asked, deviations),
          refused,
        },
        request,
        call,
      ),
  }
}

/**
 * What Mistral supports. It answers an unknown field with 422, so the list is complete. Mistral, Chat Completion
 * reference
 */
const support: Support = {
  parameters: {
    tools: 'honoured',
    toolChoice: 'honoured',
    parallelToolCalls: 'honoured',
    responseFormat: 'honoured',
    temperature: 'honoured',
    topP: 'honoured',
    maxTokens: 'mapped',
    stop: 'honoured',
    seed: 'mapped',
    frequencyPenalty: 'honoured',
    presencePenalty: 'honoured',
    choices: 'honoured',
    reasoningEffort: 'honoured',
    metadata: 'honoured',
  },
  // docs.mistral.ai, Chat Completion reference: up to 1.5; Reasoning: `none` and `high`, so each other effort becomes
  // the nearer of the two
  ranges: { temperature: { min: 0, max: 1.5 } },
  words: { reasoningEffort: { minimal: 'none', low: 'none', medium: 'high', xhigh: 'high', max: 'high' } },
  extraFields: { of: dialect, names: ['prediction', 'safe_prompt', 'prompt_mode', 'guardrails', 'random_seed'] },
  parts: ['text', 'image', 'reasoning', 'refusal'],
  formats: ['text', 'json', 'json-schema'],
}

const deviations: Deviations = {
  names: { maxTokens: 'max_tokens', seed: 'random_seed' },
  namedRoles: ['tool'],
  prefixFields: ['prefix'],
  ordered: orderMessages,
  toolCallId: (id) => (/^[a-zA-Z0-9]{9}$/.test(id) ? id : shortId(id)),
}

/**
 * Makes an id of nine letters and digits, always the same for the same id, because Mistral refuses others. Mistral's
 * own ids are sent unchanged.
 */
function shortId(id: string): string {
  return new Bun.CryptoHasher('sha256')
    .update(id)
    .digest('base64')
    .replace(/[^a-zA-Z0-9]/g, '')
    .slice(0, 9)
}

async function listModels(url: string, key: Secret, signal: Cancel): Promise<readonly Model[]> {
  const models = await getModels(url, bearer(key), signal)
  return models.map(toModel)
}

/** The list only says that a model cannot chat. Its name says what it is for. */
function toModel({ kind: stated, ...model }: Model): Model {
  const named = kindOf(model)
  const kind = named === 'chat' ? stated : named
  return { ...model, ownedBy: 'mistralai', ...(stated !== undefined && stated !== 'chat' && kind && { kind }) }
}
