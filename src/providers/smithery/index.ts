import { ChatError } from '../../chat/error.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { flowOf } from '../../flow/flow.ts'
import type { HttpReply } from '../../wire/http-reply.ts'
import { postJson } from '../../wire/post-json.ts'
import { readFrames } from '../../wire/read-frames.ts'
import type { AccountCall, Provider } from '../provider.ts'
import { checkSession, readAccounts, type SmitheryCredential } from './account.ts'
import { readComplaint } from './complaint.ts'
import { EitherDecoder } from './either-stream.ts'
import { encodeSmitheryRequest, support } from './request.ts'

/** The playground of smithery.ai, used with the session of a signed-in user. */
export const provider: Provider = {
  name: 'smithery',
  configure(variables) {
    const accounts = readAccounts(variables)
    const site = { url: variables.url('SMITHERY_BASE_URL') ?? 'https://smithery.ai', userAgent: variables.userAgent }
    const models = variables.list('SMITHERY_MODELS') ?? knownModels
    if (accounts.length === 0) return []
    return [
      {
        name: 'smithery',
        address: site.url,
        accounts,
        isWebProduct: true,
        stopsOnCancel: false,
        support,
        models: models.map((id) => ({ id })),
        chat: (request, call: AccountCall<SmitheryCredential>) =>
          flowOf((signal) => chat(site, request, { ...call, signal }), call.signal),
      },
    ]
  },
  async emulate() {
    const { emulateSmithery } = await import('./emulator/index.ts')
    return emulateSmithery({ paceMs: 20 })
  },
}

/** Smithery has no list of models. These are the names that have been seen. */
const knownModels = [
  'claude-haiku-4.5',
  'claude-sonnet-4.5',
  'gpt-5',
  'gpt-5-mini',
  'gpt-5-nano',
  'gemini-2.5-flash-lite',
  'gemini-2.5-pro',
  'glm-4.6',
  'grok-4-fast-non-reasoning',
  'grok-4-fast-reasoning',
  'kimi-k2',
  'deepseek-reasoner',
]

interface SmitherySite {
  readonly url: string
  readonly userAgent: string
}

async function* chat(site: SmitherySite, request: ChatRequest, call: AccountCall<SmitheryCredential>) {
  try {
    const reply = await askSmithery(site, request, call)
    yield* readFrames(reply, new EitherDecoder(reply.headers, call.noteDrift), call.signal)
  } catch (thrown) {
    if (!(thrown instanceof ChatError)) throw thrown
    if (thrown.upstreamStatus === 401) checkSession(call.account, call.signal.runtime.now())
    throw nameRefusal(thrown)
  }
}

function askSmithery(
  { url, userAgent }: SmitherySite,
  request: ChatRequest,
  { account, signal, noteQuota }: AccountCall<SmitheryCredential>,
): Promise<HttpReply> {
  const { origin } = new URL(url)
  const headers = {
    cookie: account.credential.cookies.map(({ name, value }) => `${name}=${value.reveal()}`).join('; '),
    origin,
    referer: `${origin}/playground`,
    'user-agent': userAgent,
  }
  const question = {
    url: `${url}/api/chat`,
    headers,
    body: { value: encodeSmitheryRequest(request, signal.runtime) },
    stream: true,
    readComplaint,
    noteQuota,
  }
  return postJson(question, signal)
}

/**
 * Replaces errors that mean something else at this website than at an API. An API has no login page, no moving routes
 * and no proxy that answers in HTML.
 */
function nameRefusal(error: ChatError): ChatError {
  const { reason, code, upstreamStatus } = error
  if (code === 'upstream_redirect' || (upstreamStatus === 200 && code === 'upstream_bad_response'))
    return new ChatError('account-refused', {
      message: `The upstream showed its login page, or redirected to it (HTTP ${upstreamStatus}).`,
      ...(upstreamStatus !== undefined && { upstreamStatus }),
    })
  if (upstreamStatus === 403 && code === 'upstream_bad_response')
    return new ChatError('challenged', {
      message: 'The upstream blocks programs (HTTP 403, a web page). The gateway does not evade that.',
      upstreamStatus,
    })
  if (upstreamStatus === 404 && reason === 'model-not-found' && !/model/i.test(error.message))
    return new ChatError('upstream-outdated', {
      message: 'The upstream no longer has a chat at this address (HTTP 404).',
      upstreamStatus,
    })
  return error
}
