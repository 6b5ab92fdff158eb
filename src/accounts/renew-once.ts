import { asChatError, ChatError, type Reason } from '../chat/error.ts'
import type { Logger } from '../flow/call.ts'
import { CancelSource } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import { sleep } from '../flow/wait.ts'
import type { Lease } from '../state/store.ts'
import type { KeepCredential, Renewal } from './account.ts'
import type { CredentialStore, StoredCredential } from './credential-store.ts'

/**
 * Milliseconds of a renewal's lease. It is longer than both attempts of a renewal, so that no two renewals run at once.
 */
const leaseMs = 20_000
const pollMs = 100

interface RenewOptions {
  /** The account's label, for the log. */
  readonly label: string
  readonly log: Logger
  readonly runtime: Runtime
  /** Milliseconds the service has to answer each of two attempts. */
  readonly answerMs: number
}

/**
 * Renews a credential in steps, so that the process may die after any of them (reliability, section 5): take the lease,
 * read what was stored meanwhile, write the intent, ask the service, write the result. Nothing is used before it is
 * stored.
 * @returns the credential afterwards; `dead` if the service says that it cannot be renewed any more
 * @throws ChatError `renewal-failed`, `rate-limited`, `challenged` or `unavailable`; all of them are temporary
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
      const isNewer = found.version !== 0 && found.version !== known.version
      if (isNewer && (found.dead || !found.isRenewalOpen)) return found
      // a record that a full store has dropped, or that could not be written, is older than ours
      const stored = isNewer ? found : { ...known, version: found.version }
      const renewed = lease && (await renewUnderLease(credentials, renewal, stored, { ...options, lease }))
      if (renewed) return renewed
    } finally {
      await lease?.release().catch(() => undefined)
    }
    await sleep(pollMs, never)
  }
  throw renewalError('Another process has been renewing the account for too long.')
}

interface LeasedRenewal extends RenewOptions {
  readonly lease: Lease
}

/** @returns undefined if another process has written meanwhile */
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
    log.error({ account: label, err: asChatError(thrown) }, 'a renewed credential could not be stored')
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
    // the service has replaced the old credential already, so the new one is used even though it is not stored
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

/**
 * Asks the service. If the outcome of the request is not known, it asks once more, at once, with the newest credential.
 */
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
  const timedOut = new ChatError('timeout', { message: 'The service did not answer in time.' })
  const timer = runtime.timers.set(answerMs, () => limit.abort(timedOut))
  try {
    return await renewal.renew(credential, limit, keep)
  } finally {
    timer.stop()
  }
}

/**
 * Whether the service may have renewed the credential although the request failed. This is possible if no error
 * status came, or only the status of a proxy.
 */
function isOutcomeUnknown({ reason, upstreamStatus = 200 }: ChatError): boolean {
  const isUnanswered = upstreamStatus < 300 || proxyStatuses.has(upstreamStatus)
  return (reason === 'upstream-failed' || reason === 'timeout') && isUnanswered
}

/**
 * Bad Gateway, Gateway Timeout, and Cloudflare's own: 520 unknown error, 522 and 524 timeouts. RFC 9110, 15.6;
 * Cloudflare, 5xx errors
 */
const proxyStatuses: ReadonlySet<number> = new Set([502, 504, 520, 522, 524])

/**
 * Errors with these reasons do not become `renewal-failed`. They decide the account's state themselves, or have
 * nothing to do with the account.
 */
const keptReasons = new Set<Reason>([
  'login-needed',
  'account-banned',
  'rate-limited',
  'challenged',
  'quota-exhausted',
  'unavailable',
])

function toRenewalError(thrown: unknown): ChatError {
  const error = asChatError(thrown)
  return keptReasons.has(error.reason)
    ? error
    : renewalError(`The account could not be renewed. ${error.message}`, error)
}

function renewalError(message: string, cause?: ChatError): ChatError {
  return new ChatError('renewal-failed', {
    message,
    cause,
    ...(cause?.retryAfterMs !== undefined && { retryAfterMs: cause.retryAfterMs }),
    ...(cause?.upstreamStatus !== undefined && { upstreamStatus: cause.upstreamStatus }),
  })
}
