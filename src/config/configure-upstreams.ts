import { Secret } from '../chat/secret.ts'
import { providers } from '../providers/index.ts'
import type { AvailableCredential, Provider, Upstream } from '../providers/provider.ts'
import { availableOf, credentialOf, credentialsOf, sourcesOf } from './credential-variables.ts'
import type { Environment } from './environment.ts'
import { readOnLimit, readUpstreamLimits } from './upstream-limits.ts'

/** The upstreams of the variables, and those that are off. */
export interface UpstreamSettings {
  readonly upstreams: readonly Upstream[]
  /** What would turn on the upstreams that are off. */
  readonly available: readonly AvailableCredential[]
}

/** Configures every upstream that the variables turn on. */
export function configureUpstreams(environment: Environment): UpstreamSettings {
  const onLimit = readOnLimit(environment)
  const configured = providers.map((provider): UpstreamSettings => {
    const { result, fingerprint, credentials } = environment.recordReads(() => {
      const upstreams = configure(provider, environment)
      const limitsOf = readUpstreamLimits(provider, environment, onLimit)
      return upstreams.map((upstream) => ({ ...upstream, ...limitsOf(upstream), provider: provider.name }))
    })
    const own = credentialsOf(provider, credentials)
    const upstreams = result.map((upstream): Upstream => {
      const credential = credentialOf(upstream, own)
      const sources = sourcesOf(upstream, environment)
      const ofAccounts = fingerprintOf(upstream, fingerprint)
      return { ...upstream, fingerprint: ofAccounts, sources, ...(credential && { credential }) }
    })
    return { upstreams, available: availableOf(upstreams, own) }
  })
  return {
    upstreams: configured.flatMap(({ upstreams }) => upstreams),
    available: configured.flatMap(({ available }) => available),
  }
}

/**
 * Identifies the accounts of an upstream. One provider may have many upstreams, so the values of its variables count only if they also
 * say how an account is renewed or made.
 */
function fingerprintOf({ accounts, supply, onLimit }: Upstream, ofProvider: string): string {
  if (supply || accounts.some(({ renewal }) => renewal)) return `${ofProvider} ${onLimit}`
  const keys = accounts.map(({ label, credential }) => [label, credential])
  return Bun.SHA256.hash(JSON.stringify([keys, onLimit], revealed), 'hex')
}

/** Without this, all secrets would be the same in JSON. */
function revealed(this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
  const original = this[key]
  return original instanceof Secret ? original.reveal() : value
}

/** Variables that only one upstream reads, in addition to its credential. */
const furtherNames = /_(MODELS|\w*URL|ANON_KEY|PROMPT_ID)$/

/**
 * Configures a provider's upstreams, and reports a variable of an upstream that is off: its credential was probably
 * forgotten.
 */
function configure(provider: Provider, environment: Environment): readonly Upstream[] {
  const before = environment.problems.length
  const { result, names, secrets } = environment.recordReads(() => provider.configure(environment))
  const unset = secrets.filter((name) => environment.text(name) === undefined)
  // a project's public key is a credential only for an upstream without sign-in
  const credentials = unset.filter((name) => !name.endsWith('_ANON_KEY'))
  const missing = credentials.length > 0 ? credentials : unset
  if (result.length > 0 || missing.length === 0 || environment.problems.length > before) return result
  const { sharedVariables = [] } = provider
  const idle = names.filter(
    (name) => furtherNames.test(name) && !sharedVariables.includes(name) && environment.text(name) !== undefined,
  )
  for (const name of idle)
    environment.report({
      variable: name,
      problem: `is set, but ${provider.name} is off: it has no credential`,
      remedy: `set ${missing.join(' or ')}, or leave it out`,
    })
  return result
}
