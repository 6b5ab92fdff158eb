import type { Account } from '../../accounts/account.ts'
import type { Support } from '../../chat/model.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Secret } from '../../chat/secret.ts'
import { askOpenaiChat, bearer } from '../../clients/openai-chat/ask-openai-chat.ts'
import { type Deviations, encodeStrictly } from '../../dialects/openai-chat/deviations.ts'
import { dialect } from '../../dialects/openai-chat/dialect.ts'
import { withoutRoute } from '../../wire/base-url.ts'
import { RefusedFields } from '../../wire/refused-fields.ts'
import type { Provider, Upstream } from '../provider.ts'

/** Endings that a copied base URL may have. They are removed, because each route begins with the version. */
const routes = ['/studio/v1/chat/completions', '/studio/v1', '/v1']

/** AI21's own API, which has almost OpenAI's dialect: https://docs.ai21.com/reference/jamba-api-ref */
export const provider: Provider = {
  name: 'ai21',
  configure(variables) {
    const accounts = variables.secrets('AI21_TOKEN').map(({ name, secret }) => ({ label: name, credential: secret }))
    const origin = withoutRoute(variables.url('AI21_BASE_URL') ?? 'https://api.ai21.com', routes)
    const models = variables.list('AI21_MODELS') ?? ['jamba-mini', 'jamba-large']
    return accounts.length > 0 ? [ai21(origin, accounts, models)] : []
  },
  async emulate() {
    const { emulateAi21 } = await import('./emulator/index.ts')
    const emulator = await emulateAi21()
    return { ...emulator, variables: { AI21_TOKEN: 'any-token', AI21_BASE_URL: emulator.origin } }
  },
}

/** AI21 has no list of models, so the upstream serves those that AI21 documents, or those that the operator names. */
function ai21(origin: string, accounts: readonly Account<Secret>[], models: readonly string[]): Upstream<Secret> {
  const refused = new RefusedFields()
  return {
    name: 'ai21',
    baseUrl: `${origin}/studio/v1`,
    accounts,
    support,
    models: models.map((id) => ({ id, ownedBy: 'ai21' })),
    chat: (request, call) =>
      askOpenaiChat(
        {
          url: `${origin}/studio/v1/chat/completions`,
          headers: bearer(call.account.credential),
          encode: (asked) => encodeStrictly(withinLimits(asked), deviations),
          refused,
        },
        request,
        call,
      ),
  }
}

/** What Jamba supports: only text, one answer per stream, JSON without a schema. AI21, Jamba API reference */
const support: Support = {
  parameters: {
    tools: 'honoured',
    toolChoice: 'honoured',
    responseFormat: 'honoured',
    temperature: 'honoured',
    topP: 'honoured',
    maxTokens: 'mapped',
    stop: 'honoured',
    choices: 'emulated',
  },
  extraFields: { of: dialect, names: ['documents'] },
  parts: ['text', 'reasoning', 'refusal'],
  formats: ['text', 'json'],
}

const deviations: Deviations = { names: { maxTokens: 'max_tokens' }, isTextOnly: true }

/** Limit for the tokens of an answer. AI21, Jamba API reference */
const mostTokens = 4096

/** Lowers a token limit to Jamba's own: coding agents set higher ones, which Jamba refuses. */
function withinLimits(request: ChatRequest): ChatRequest {
  const { maxTokens } = request.parameters
  if (maxTokens === undefined || maxTokens <= mostTokens) return request
  return { ...request, parameters: { ...request.parameters, maxTokens: mostTokens } }
}
