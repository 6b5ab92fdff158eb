import type { Account } from '../accounts/account.ts'
import { openPool } from '../accounts/open-pool.ts'
import { type AccountsOptions, Session } from '../accounts/session.ts'
import { withAccount } from '../accounts/with-account.ts'
import { type Logger, newReceipt } from '../chat/call.ts'
import { collect } from '../chat/collect.ts'
import { asChatError, ChatError } from '../chat/error.ts'
import type { Model } from '../chat/model.ts'
import type { ChatRequest } from '../chat/request.ts'
import { noThread } from '../chat/thread.ts'
import type { Upstream } from '../providers/provider.ts'

/** What came of trying an account. */
export interface Finding {
  readonly upstream: string
  readonly account: string
  /** The model that was asked, once there was one to ask. */
  readonly model: string | undefined
  /** Milliseconds until the answer was complete, or until it was clear that there would be none. */
  readonly tookMs: number
  /** Why it does not work; undefined where it does. */
  readonly error: ChatError | undefined
}

/** Milliseconds for one account, from its renewal to its answer's end. */
const patienceMs = 60_000

/**
 * Tries every account of an upstream, all at once, with one short exchange as a client would have it. Of accounts that are
 * made as they are needed one is tried.
 * @param told is called as soon as one is known
 */
export async function examine(
  upstream: Upstream,
  options: AccountsOptions,
  told: (finding: Finding) => void,
): Promise<void> {
  const { name, accounts, supply } = upstream
  const sessions = accounts.map((account) => new Session(account, { ...options, upstream: name }))
  const made = supply && openPool({ name, accounts: [], supply }, options)
  const never = new AbortController().signal
  const { log } = options
  const subjects: readonly Subject[] = [
    ...sessions.map((session) => ({ upstream, label: session.label, log, open: () => session })),
    ...(made ? [{ upstream, label: 'anonymous', log, open: () => made.lease({ tried: new Set() }, never) }] : []),
  ]
  await Promise.all(subjects.map(async (subject) => told(await examined(subject))))
  made?.close()
}

interface Subject {
  readonly upstream: Upstream
  readonly label: string
  readonly log: Logger
  open(): Session | Promise<Session>
}

async function examined({ upstream, label, log, open }: Subject): Promise<Finding> {
  const begunAt = performance.now()
  const limit = new AbortController()
  const late = new ChatError('timeout', { message: `There was no answer within ${patienceMs / 1000} s.` })
  const timer = setTimeout(() => limit.abort(late), patienceMs)
  let model: string | undefined
  const finding = (error?: ChatError): Finding => {
    const tookMs = Math.round(performance.now() - begunAt)
    return { upstream: upstream.name, account: label, model, tookMs, error }
  }
  try {
    await withAccount(await open(), limit.signal, async (account) => {
      model = await modelOf(upstream, account, limit.signal)
      const call = { id: 'doctor', client: 'doctor', signal: limit.signal, log, receipt: newReceipt() }
      // what it says is not the question, only that it says it to its end
      await collect(upstream.chat(question(model), { ...call, account, thread: noThread }))
    })
    return finding()
  } catch (thrown) {
    return finding(asChatError(thrown))
  } finally {
    clearTimeout(timer)
  }
}

/** Models of these names answer something else than chats, where a service lists all it has. */
const otherKinds = /embed|whisper|tts|dall-e|moderation|image|audio|realtime|transcribe|rerank|davinci|babbage|ocr/i

async function modelOf(upstream: Upstream, account: Account, signal: AbortSignal): Promise<string> {
  const models: readonly Model[] = upstream.models ?? (await upstream.listModels?.(account, signal)) ?? []
  const model = models.find(({ id }) => !otherKinds.test(id)) ?? models[0]
  if (model) return model.id
  throw new ChatError('model-not-found', {
    message: 'The upstream lists no model. Name one in its …_MODELS variable.',
    code: 'no_model',
  })
}

/** As a client would ask. */
function question(model: string): ChatRequest {
  return {
    dialect: 'tributary',
    model,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Answer with the one word: ready' }] }],
    parameters: {},
    spelling: {},
    extra: {},
    stream: true,
  }
}
