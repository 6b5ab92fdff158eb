import type { Model } from '../../chat/model.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { flowOf } from '../../flow/flow.ts'
import { getJson } from '../../wire/get-json.ts'
import type { AccountCall, Provider, Variables } from '../provider.ts'
import { type CtoAccount, type CtoCredential, readAccounts } from './account.ts'
import { chat } from './chat.ts'
import { protocolV1, protocolV2 } from './protocol.ts'
import { support } from './request.ts'
import { apiHeaders, type CtoSite, readComplaint } from './site.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

/** The coding agent of cto.new (Engine Labs), used with the session of a signed-in user. */
export const provider: Provider = {
  name: 'cto',
  configure(variables) {
    const userAgent = variables.userAgent
    const origin = variables.url('CTO_ORIGIN') ?? 'https://cto.new'
    const accounts = readAccounts(variables, {
      url: variables.url('CTO_CLERK_URL') ?? 'https://clerk.cto.new',
      apiVersion: variables.text('CLERK_API_VERSION') ?? '2025-04-10',
      origin,
      userAgent,
    })
    const site = {
      apiUrl: variables.url('CTO_API_URL') ?? 'https://api.enginelabs.ai',
      socketUrl: variables.socketUrl('CTO_WS_URL') ?? 'wss://api.enginelabs.ai',
      origin,
      userAgent,
    }
    const isV2 = readProtocol(variables) === 'v2'
    const protocol = isV2 ? protocolV2(site) : protocolV1
    const models = variables.list('CTO_MODELS') ?? (isV2 ? undefined : knownModels)
    if (accounts.length === 0) return []
    return [
      {
        name: 'cto',
        address: site.apiUrl,
        accounts,
        keepsThreads: true,
        isWebProduct: true,
        stopsOnCancel: false,
        support,
        ...(models && { models: models.map((id) => ({ id })) }),
        ...(isV2 && { listModels: (account: CtoAccount, signal: Cancel) => listModels(site, account, signal) }),
        chat: (request, call: AccountCall<CtoCredential>) =>
          flowOf((signal) => chat(site, protocol, request, { ...call, signal }), call.signal),
      },
    ]
  },
  async emulate() {
    const { emulateCto } = await import('./emulator/index.ts')
    return emulateCto()
  },
}

/** The first protocol has no list of models. These are the names that have been seen. */
const knownModels = ['ClaudeSonnet4_5', 'GPT5']

function readProtocol(variables: Variables): 'v1' | 'v2' {
  const protocol = variables.text('CTO_PROTOCOL')?.toLowerCase() ?? 'v1'
  if (protocol === 'v1' || protocol === 'v2') return protocol
  variables.report({
    variable: 'CTO_PROTOCOL',
    problem: 'is not a known protocol version',
    remedy: 'one of v1, v2',
  })
  return 'v1'
}

async function listModels(site: CtoSite, account: CtoAccount, signal: Cancel): Promise<readonly Model[]> {
  const headers = apiHeaders(site, account)
  const url = `${site.apiUrl}/chat/adapters`
  const { chatAdapters } = await getJson({ url, headers, schema: schemas().CtoAdapters, readComplaint }, signal)
  return chatAdapters
    .filter(({ enabled }) => enabled !== false)
    .map(({ key, provider: ownedBy }) => ({
      id: key,
      ...(ownedBy != null && { ownedBy }),
      inputModalities: ['text'],
      outputModalities: ['text'],
    }))
}
