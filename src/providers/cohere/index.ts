import type { Account } from '../../accounts/account.ts'
import type { Model } from '../../chat/model.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Secret } from '../../chat/secret.ts'
import { ask } from '../../wire/ask.ts'
import { getJson } from '../../wire/get-json.ts'
import type { UpstreamComplaint } from '../../wire/http-status.ts'
import { readFrames } from '../../wire/read-frames.ts'
import type { AccountCall, Provider } from '../provider.ts'
import { CohereDecoder } from './events.ts'
import { encodeCohereRequest, support } from './request.ts'
import { CohereComplaint, CohereModels } from './schema.ts'

type TokenAccount = Account<Secret>

/** Cohere's own API, Chat v2: https://docs.cohere.com/reference/chat */
export const provider: Provider = {
  name: 'cohere',
  configure(variables) {
    const accounts = variables.secrets('COHERE_TOKEN').map(({ name, secret }) => ({ label: name, credential: secret }))
    const origin = variables.url('COHERE_BASE_URL') ?? 'https://api.cohere.com'
    const models = variables.list('COHERE_MODELS')
    if (accounts.length === 0) return []
    return [
      {
        name: 'cohere',
        accounts,
        support,
        ...(models && { models: models.map((id) => ({ id })) }),
        listModels: (account: TokenAccount, signal) => listModels(origin, account, signal),
        chat: (request, call: AccountCall<Secret>) => chat(origin, request, call),
      },
    ]
  },
  async emulate() {
    const { emulateCohere } = await import('./emulator.ts')
    const emulator = await emulateCohere({ models: ['command-r-08-2024', 'command-a-03-2025'], paceMs: 20 })
    return { ...emulator, variables: { COHERE_TOKEN: 'any-token', COHERE_BASE_URL: emulator.origin } }
  },
}

async function* chat(origin: string, request: ChatRequest, call: AccountCall<Secret>) {
  const reply = await ask(
    {
      url: `${origin}/v2/chat`,
      headers: authorization(call.account),
      body: encodeCohereRequest(request),
      stream: true,
      readComplaint,
    },
    call.signal,
  )
  yield* readFrames(reply, new CohereDecoder(), call.signal)
}

function authorization({ credential }: TokenAccount): { authorization: string } {
  return { authorization: `Bearer ${credential.reveal()}` }
}

/** `{message}`: what kind of error it is stands in the status, and for two of them only in the words. */
function readComplaint(body: unknown): UpstreamComplaint {
  const parsed = CohereComplaint.safeParse(body)
  if (!parsed.success) return {}
  const { message } = parsed.data
  const code = codes.find(([words]) => words.test(message))?.[1]
  return { message, ...(code && { code }) }
}

/** 400 `too many tokens: …`; 429 for a trial key, which is limited to so many calls a minute, and a month. */
const codes = [
  [/^too many tokens\b/i, 'context_length_exceeded'],
  [/\bcalls ?(\/|per) ?month\b/i, 'insufficient_quota'],
] as const

/** Pages that are followed at the most. */
const maxPages = 10

async function listModels(origin: string, account: TokenAccount, signal: AbortSignal): Promise<readonly Model[]> {
  const models: Model[] = []
  let token = ''
  for (let page = 0; page < maxPages; page++) {
    const next = token && `&page_token=${encodeURIComponent(token)}`
    const url = `${origin}/v1/models?endpoint=chat&page_size=1000${next}`
    const found = await getJson({ url, headers: authorization(account), schema: CohereModels, readComplaint }, signal)
    models.push(...found.models.map(toModel))
    token = found.next_page_token ?? ''
    if (!token) break
  }
  return models
}

function toModel({
  name,
  context_length: contextLength,
  supports_vision: seesImages,
  features,
}: CohereModels['models'][number]): Model {
  return {
    id: name,
    ownedBy: 'cohere',
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

/** Cohere's words for what a model can, where they are not ours. */
const capabilityOf: Readonly<Record<string, string>> = { json_schema: 'structured-output' }
