import { asChatError, ChatError, type Reason } from '../chat/error.ts'
import type { Logger } from '../flow/call.ts'
import { CancelSource } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import { sleep } from '../flow/wait.ts'
import type { Lease } from '../state/store.ts'
import type { Keep, Renewal } from './account.ts'
import type { Keeper, Kept } from './keeper.ts'

/** Milliseconds a renewal's lease holds: longer than the two tries of a renewal may take, or two could be at it. */
const leaseMs = 20_000
const pollMs = 100

interface RenewOptions {
  /** Of the account, for the log. */
  readonly label: string
  readonly log: Logger
  readonly runtime: Runtime
  /** Milliseconds the service has to answer each of two tries. */
  readonly answerMs: number
}

/**
 * Renews a credential, in steps of which each can be the last before the process dies (reliability, section 5): the lease,
 * what was kept meanwhile, the intent, the service, the result. Nothing is used before it is kept.
 * @returns what is known afterwards, `dead` where the service has proven that there is no more to come
 * @throws ChatError `renewal-failed`, `rate-limited`, `challenged`, `unavailable`: it heals by itself
 */
export async function renewOnce<Credential>(
  keeper: Keeper<Credential>,
  renewal: Renewal<Credential>,
  stale: Kept<Credential>,
  options: RenewOptions,
): Promise<Kept<Credential>> {
  const never = new CancelSource(options.runtime)
  for (let waitedMs = 0; waitedMs <= leaseMs; waitedMs += pollMs) {
    const lease = await keeper.lease(leaseMs)
    try {
      const found = await keeper.load()
      const isNews = found.version !== 0 && found.version !== stale.version
      if (isNews && (found.dead || !found.isOpen)) return found
      // a record that a full store has let go of, or that could not be written, is older than what we have
      const kept = isNews ? found : { ...stale, version: found.version }
      const renewed = lease && (await underLease(keeper, renewal, kept, { ...options, lease }))
      if (renewed) return renewed
    } finally {
      await lease?.release().catch(() => undefined)
    }
    await sleep(pollMs, never)
  }
  throw failed('Another process is renewing the account, and does not come to an end.')
}

interface Held extends RenewOptions {
  readonly lease: Lease
}

/** @returns undefined where somebody else has written meanwhile */
async function underLease<Credential>(
  keeper: Keeper<Credential>,
  renewal: Renewal<Credential>,
  kept: Kept<Credential>,
  { label, lease, log, runtime, answerMs }: Held,
): Promise<Kept<Credential> | undefined> {
  const intent = await keeper.write({ ...kept, isOpen: true }, lease)
  if (!intent) return undefined
  let step: Kept<Credential> = intent
  const notKept = (thrown: unknown) =>
    log.error({ account: label, err: asChatError(thrown) }, 'a renewed account could not be kept')
  const keep: Keep<Credential> = async (credential) => {
    step = { ...step, credential }
    step = (await keeper.write(step, lease).catch(notKept)) ?? step
  }
  const next = await asked(() => inTime(step.credential, { renewal, keep, answerMs, runtime })).catch(asChatError)
  const dead = next instanceof ChatError ? proofIn(next) : undefined
  if (next instanceof ChatError && !dead) throw next
  step = dead ? { ...step, dead } : { ...step, credential: nextOf(next, step.credential), isOpen: false }
  try {
    const written = await keeper.write(step, lease)
    return written ?? ((await keeper.load()).version === 0 ? { ...step, version: 0 } : undefined)
  } catch (thrown) {
    // the service has replaced the old one already: what it gave is all there is, kept or not
    notKept(thrown)
    return step
  }
}

function nextOf<Credential>(next: Credential | ChatError, old: Credential): Credential {
  return next instanceof ChatError ? old : next
}

function proofIn(error: ChatError): ChatError | undefined {
  return error.reason === 'login-needed' || error.reason === 'account-banned' ? error : undefined
}

/** Asks the service; where it is not known what became of the request, once more, at once, with what is known by then. */
async function asked<Credential>(ask: () => Promise<Credential>): Promise<Credential> {
  try {
    return await ask()
  } catch (thrown) {
    if (!isUnknown(asChatError(thrown))) throw named(thrown)
  }
  return ask().catch((thrown: unknown) => {
    throw named(thrown)
  })
}

interface TimedRenewal<Credential> extends Pick<RenewOptions, 'answerMs' | 'runtime'> {
  readonly renewal: Renewal<Credential>
  readonly keep: Keep<Credential>
}

async function inTime<Credential>(
  credential: Credential,
  { renewal, keep, answerMs, runtime }: TimedRenewal<Credential>,
): Promise<Credential> {
  const limit = new CancelSource(runtime)
  const late = new ChatError('timeout', { message: 'The service did not answer in time.' })
  const timer = runtime.timers.set(answerMs, () => limit.abort(late))
  try {
    return await renewal.renew(credential, limit, keep)
  } finally {
    timer.stop()
  }
}

/** Whether the service may have renewed it all the same: no status came, or only the word of a proxy that did not hear from it. */
function isUnknown({ reason, upstreamStatus = 200 }: ChatError): boolean {
  const isUnheard = upstreamStatus < 300 || proxyStatuses.has(upstreamStatus)
  return (reason === 'upstream-failed' || reason === 'timeout') && isUnheard
}

/** Bad Gateway, Gateway Timeout, and Cloudflare's own: 520 unknown error, 522 and 524 timeouts. RFC 9110, 15.6; Cloudflare, 5xx errors */
const proxyStatuses: ReadonlySet<number> = new Set([502, 504, 520, 522, 524])

/** Reasons that say by themselves what becomes of the account, or that it is not about the account. */
const telling = new Set<Reason>([
  'login-needed',
  'account-banned',
  'rate-limited',
  'challenged',
  'quota-exhausted',
  'unavailable',
])

function named(thrown: unknown): ChatError {
  const error = asChatError(thrown)
  return telling.has(error.reason) ? error : failed(`The account could not be renewed. ${error.message}`, error)
}

function failed(message: string, cause?: ChatError): ChatError {
  return new ChatError('renewal-failed', {
    message,
    cause,
    ...(cause?.retryAfterMs !== undefined && { retryAfterMs: cause.retryAfterMs }),
    ...(cause?.upstreamStatus !== undefined && { upstreamStatus: cause.upstreamStatus }),
  })
}
