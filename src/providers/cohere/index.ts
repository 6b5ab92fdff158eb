import type { Account } from '../../accounts/account.ts'
import { ChatError } from '../../chat/error.ts'
import type { Model, ModelKind } from '../../chat/model.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Secret } from '../../chat/secret.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { flowOf } from '../../flow/flow.ts'
import { withoutRoute } from '../../wire/base-url.ts'
import { getJson } from '../../wire/get-json.ts'
import { postWithoutRefusedFields } from '../../wire/post-without-refused-fields.ts'
import { readFrames } from '../../wire/read-frames.ts'
import { RefusedFields } from '../../wire/refused-fields.ts'
import type { AccountCall, Provider } from '../provider.ts'
import { readComplaint } from './complaint.ts'
import { CohereDecoder } from './events.ts'
import { mappedFields } from './mapped-fields.ts'
import { encodeCohereRequest, support } from './request.ts'
import type { CohereModel } from './schema.ts'
import { cohereTasks } from './tasks.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

type TokenAccount = Account<Secret>

/** Endings that a copied base URL may have. They are removed, because each route begins with the version. */
const routes = ['/v2/chat', '/v2/embed', '/v2/rerank', '/v1/models', '/v1/chat', '/compatibility/v1', '/v1', '/v2']

/** Cohere's own API, Chat v2: https://docs.cohere.com/reference/chat */
export const provider: Provider = {
  name: 'cohere',
  configure(variables) {
    const accounts = variables.secrets('COHERE_TOKEN').map(({ name, secret }) => ({ label: name, credential: secret }))
    const origin = withoutRoute(variables.url('COHERE_BASE_URL') ?? 'https://api.cohere.com', routes)
    const models = variables.list('COHERE_MODELS')
    if (accounts.length === 0) return []
    const refused = new RefusedFields()
    return [
      {
        name: 'cohere',
        address: origin,
        accounts,
        support,
        ...(models && { models: models.map((id) => ({ id })) }),
        listModels: (account: TokenAccount, signal) => listModels(origin, account, signal),
        tasks: cohereTasks(origin),
        chat: (request, call: AccountCall<Secret>) =>
          flowOf((signal) => chat({ origin, refused }, request, { ...call, signal }), call.signal),
      },
    ]
  },
  async emulate() {
    const { emulateCohere } = await import('./emulator/index.ts')
    const emulator = await emulateCohere({
      models: ['command-r-08-2024', 'command-a-03-2025', 'embed-v4.0', 'rerank-v3.5'],
      paceMs: 20,
    })
    return { ...emulator, variables: { COHERE_TOKEN: 'any-token', COHERE_BASE_URL: emulator.origin } }
  },
}

interface CohereService {
  readonly origin: string
  readonly refused: RefusedFields
}

async function* chat({ origin, refused }: CohereService, request: ChatRequest, call: AccountCall<Secret>) {
  const body = encodeCohereRequest(request)
  const question = {
    url: `${origin}/v2/chat`,
    headers: authorization(call.account),
    body: () => body,
    added: () => mappedFields(request, call.receipt),
    refused,
    stream: true,
    readComplaint,
    noteQuota: call.noteQuota,
  }
  const reply = await postWithoutRefusedFields(question, call.signal, (answer) => answer)
  yield* readFrames(reply, new CohereDecoder(request.parameters.stop, call.noteDrift), call.signal)
}

function authorization({ credential }: TokenAccount): { authorization: string } {
  return { authorization: `Bearer ${credential.reveal()}` }
}

/** Limit for the pages of the list of models. */
const maxPages = 10

async function listModels(origin: string, account: TokenAccount, signal: Cancel): Promise<readonly Model[]> {
  const models = new Map<string, Model>()
  let listed = 0
  let token = ''
  for (let page = 0; page < maxPages; page++) {
    const next = token && `&page_token=${encodeURIComponent(token)}`
    const url = `${origin}/v1/models?page_size=1000${next}`
    const found = await getJson(
      { url, headers: authorization(account), schema: schemas().CohereModels, readComplaint },
      signal,
    )
    listed += found.models?.length ?? 0
    for (const entry of found.models ?? []) {
      const { data } = schemas().CohereModel.safeParse(entry)
      const kind = data && kindOf(data)
      if (kind) models.set(data.name, toModel(data, kind))
    }
    token = found.next_page_token ?? ''
    if (!token) break
  }
  if (models.size > 0 || listed === 0) return [...models.values()]
  throw new ChatError('upstream-failed', {
    message: "The upstream's list has no model that can be read.",
    code: 'upstream_bad_response',
  })
}

/** Cohere's names of the routes that we use, with the kind of their models. */
const kinds: readonly (readonly [string, ModelKind])[] = [
  ['chat', 'chat'],
  ['embed', 'embedding'],
  ['rerank', 'rerank'],
]

/** What a model is for; undefined if it is for none of our routes. */
function kindOf({ endpoints }: CohereModel): ModelKind | undefined {
  return endpoints ? kinds.find(([name]) => endpoints.includes(name))?.[1] : 'chat'
}

function toModel(model: CohereModel, kind: ModelKind): Model {
  const { name, context_length: contextLength, supports_vision: seesImages, features } = model
  return {
    id: name,
    ownedBy: 'cohere',
    ...(kind !== 'chat' && { kind }),
    ...(contextLength && { contextLength }),
    ...(seesImages != null && {
      inputModalities: seesImages ? ['text', 'image'] : ['text'],
      outputModalities: ['text'],
    }),
    ...(features && { capabilities: capabilitiesIn(features) }),
  }
}

function capabilitiesIn(features: readonly string[]): string[] {
  return ['tools', 'structured-output', 'reasoning'].filter((capability) =>
    features.some((feature) => (capabilityOf[feature] ?? feature) === capability),
  )
}

/** Cohere's words for a model's capabilities that differ from ours. */
const capabilityOf: Readonly<Record<string, string>> = { json_schema: 'structured-output' }
