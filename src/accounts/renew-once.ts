import { asChatError, ChatError, type Reason } from '../chat/error.ts'
import type { Logger } from '../flow/call.ts'
import { CancelSource } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import { sleep } from '../flow/wait.ts'
import type { Lease } from '../state/store.ts'
import type { KeepCredential, Renewal } from './account.ts'
import type { CredentialStore, StoredCredential } from './credential-store.ts'

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
 * what was stored meanwhile, the intent, the service, the result. Nothing is used before it is stored.
 * @returns what is known afterwards, `dead` where the service has proven that there is no more to come
 * @throws ChatError `renewal-failed`, `rate-limited`, `challenged`, `unavailable`: it heals by itself
 */
export async function renewOnce<Credential>(
  credentials: CredentialStore<Credential>,
  renewal: Renewal<Credential>,
  known: StoredCredential<Credential>,
  options: RenewOptions,
): Promise<StoredCredential<Credential>> {
  const never = new CancelSource(options.runtime)
  for (let waitedMs = 0; waitedMs <= leaseMs; waitedMs += pollMs) {
    const lease = await credentials.lease(leaseMs)
    try {
      const found = await credentials.load()
      const isNews = found.version !== 0 && found.version !== known.version
      if (isNews && (found.dead || !found.isRenewalOpen)) return found
      // a record that a full store has let go of, or that could not be written, is older than what we have
      const stored = isNews ? found : { ...known, version: found.version }
      const renewed = lease && (await renewUnderLease(credentials, renewal, stored, { ...options, lease }))
      if (renewed) return renewed
    } finally {
      await lease?.release().catch(() => undefined)
    }
    await sleep(pollMs, never)
  }
  throw renewalError('Another process is renewing the account, and does not come to an end.')
}

interface LeasedRenewal extends RenewOptions {
  readonly lease: Lease
}

/** @returns undefined where somebody else has written meanwhile */
async function renewUnderLease<Credential>(
  credentials: CredentialStore<Credential>,
  renewal: Renewal<Credential>,
  stored: StoredCredential<Credential>,
  { label, lease, log, runtime, answerMs }: LeasedRenewal,
): Promise<StoredCredential<Credential> | undefined> {
  const intent = await credentials.write({ ...stored, isRenewalOpen: true }, lease)
  if (!intent) return undefined
  let step: StoredCredential<Credential> = intent
  const logNotStored = (thrown: unknown) =>
    log.error({ account: label, err: asChatError(thrown) }, 'a renewed account could not be kept')
  const keep: KeepCredential<Credential> = async (credential) => {
    step = { ...step, credential }
    step = (await credentials.write(step, lease).catch(logNotStored)) ?? step
  }
  const next = await askTwice(() => renewInTime(step.credential, { renewal, keep, answerMs, runtime })).catch(
    asChatError,
  )
  const dead = next instanceof ChatError ? findProof(next) : undefined
  if (next instanceof ChatError && !dead) throw next
  step = dead ? { ...step, dead } : { ...step, credential: nextCredential(next, step.credential), isRenewalOpen: false }
  try {
    const written = await credentials.write(step, lease)
    return written ?? ((await credentials.load()).version === 0 ? { ...step, version: 0 } : undefined)
  } catch (thrown) {
    // the service has replaced the old one already: what it gave is all there is, stored or not
    logNotStored(thrown)
    return step
  }
}

function nextCredential<Credential>(next: Credential | ChatError, old: Credential): Credential {
  return next instanceof ChatError ? old : next
}

function findProof(error: ChatError): ChatError | undefined {
  return error.reason === 'login-needed' || error.reason === 'account-banned' ? error : undefined
}

/** Asks the service; where it is not known what became of the request, once more, at once, with what is known by then. */
async function askTwice<Credential>(ask: () => Promise<Credential>): Promise<Credential> {
  try {
    return await ask()
  } catch (thrown) {
    if (!isOutcomeUnknown(asChatError(thrown))) throw toRenewalError(thrown)
  }
  return ask().catch((thrown: unknown) => {
    throw toRenewalError(thrown)
  })
}

interface TimedRenewal<Credential> extends Pick<RenewOptions, 'answerMs' | 'runtime'> {
  readonly renewal: Renewal<Credential>
  readonly keep: KeepCredential<Credential>
}

async function renewInTime<Credential>(
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
function isOutcomeUnknown({ reason, upstreamStatus = 200 }: ChatError): boolean {
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

function toRenewalError(thrown: unknown): ChatError {
  const error = asChatError(thrown)
  return telling.has(error.reason) ? error : renewalError(`The account could not be renewed. ${error.message}`, error)
}

function renewalError(message: string, cause?: ChatError): ChatError {
  return new ChatError('renewal-failed', {
    message,
    cause,
    ...(cause?.retryAfterMs !== undefined && { retryAfterMs: cause.retryAfterMs }),
    ...(cause?.upstreamStatus !== undefined && { upstreamStatus: cause.upstreamStatus }),
  })
}
