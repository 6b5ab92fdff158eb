import type { ChatError, Reason } from '../chat/error.ts'
import type { Finding } from '../gateway/examine.ts'
import { duration } from './quota-line.ts'

const states: Readonly<Partial<Record<Reason, string>>> = {
  'account-refused': 'refused',
  'login-needed': 'needs login',
  'account-banned': 'banned',
  'renewal-failed': 'not renewed',
  'quota-exhausted': 'no credit',
  'rate-limited': 'rate-limited',
  challenged: 'challenged',
  timeout: 'silent',
  overloaded: 'overloaded',
  'model-not-found': 'no model',
  'upstream-outdated': 'outdated',
}

const unreachable = new Set(['upstream_unreachable', 'upstream_connect_timeout'])

/** The state of an account in at most two words. They never come from the upstream. */
export function stateOf(error: ChatError | undefined): string {
  if (!error) return 'works'
  return unreachable.has(error.code) ? 'unreachable' : (states[error.reason] ?? 'failed')
}

/** The command that shows the document, for those who only have the executable. */
const document = '`tributary help upstreams`'

/** What the operator should do next; empty if the account works. */
export function adviceOn({ upstream, account, error }: Finding): string {
  if (!error) return upstream === 'demo' ? `Configure an upstream: ${document} explains how.` : ''
  if (unreachable.has(error.code)) return 'Check its address and the network, and try again.'
  if (error.code === 'upstream_address') return `Add /v1 to the address in the variables of ${upstream}.`
  if (error.code === 'upstream_configuration') return `Copy the named variable again (${document}).`
  // a variable's name is in capitals; accounts that are made, and accounts without a key, have another label
  const where = /^[A-Z]/.test(account) ? account : `the variables of ${upstream}`
  return advice(error, where)
}

function advice({ reason, retryAfterMs }: ChatError, where: string): string {
  switch (reason) {
    case 'account-refused':
      return `Check ${where}: copy it again from its account (${document}).`
    case 'login-needed':
      return `Sign in again in a private window, copy the session into ${where} (${document}).`
    case 'account-banned':
      return 'The service has closed this account. Write to its support, or leave it out.'
    case 'renewal-failed':
      return 'Try again: the session may still be valid.'
    case 'quota-exhausted':
      return `Add credit there, or wait${retryAfterMs === undefined ? ' for the next period' : ` ${duration(retryAfterMs)}`}.`
    case 'rate-limited':
      return `Wait${retryAfterMs === undefined ? '' : ` ${duration(retryAfterMs)}`}; the gateway waits by itself.`
    case 'challenged':
      return 'The service blocks programs at the moment. The gateway does not evade that: wait, or leave it out.'
    case 'model-not-found':
      return 'Name a model it has in its …_MODELS variable.'
    case 'upstream-outdated':
      return 'The service has changed: look for a newer tributary.'
    default:
      return 'Try again later. If it fails again, check whether the service works elsewhere.'
  }
}
