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
  /** The names that the providers have read. */
  readonly names: ReadonlySet<string>
}

/** Configures every upstream that the variables turn on. */
export function configureUpstreams(environment: Environment): UpstreamSettings {
  const onLimit = readOnLimit(environment)
  const configured = providers.map((provider): UpstreamSettings => {
    const { result, read, credentials } = environment.recordReads(() => {
      const upstreams = configure(provider, environment)
      const limitsOf = readUpstreamLimits(provider, environment, onLimit)
      return upstreams.map((upstream) => ({ ...upstream, ...limitsOf(upstream), provider: provider.name }))
    })
    const own = credentialsOf(provider, credentials)
    const upstreams = result.map((upstream): Upstream => {
      const credential = credentialOf(upstream, own)
      const sources = sourcesOf(upstream, environment)
      const marked = withFingerprints(upstream, { read, environment })
      return { ...marked, sources, ...(credential && { credential }) }
    })
    return { upstreams, available: availableOf(upstreams, own), names: new Set(read) }
  })
  return {
    upstreams: configured.flatMap(({ upstreams }) => upstreams),
    available: configured.flatMap(({ available }) => available),
    names: new Set(configured.flatMap(({ names }) => [...names])),
  }
}

interface ReadVariables {
  /** The variables that the provider has read. */
  readonly read: readonly string[]
  readonly environment: Environment
}

/** Marks the upstream, and each of its accounts, so that a later configuration shows what has changed. */
function withFingerprints(upstream: Upstream, reads: ReadVariables): Upstream {
  const accounts = upstream.accounts.map((account) => ({
    ...account,
    fingerprint: hashOf([account.label, account.credential]),
  }))
  return { ...upstream, accounts, fingerprint: fingerprintOf(upstream, reads) }
}

/**
 * Identifies how the accounts of an upstream are used. One provider may have many upstreams, so the values of its variables count only
 * if they also say how an account is renewed or made, and without those of the accounts themselves.
 */
function fingerprintOf(upstream: Upstream, { read, environment }: ReadVariables): string {
  const { accounts, supply, onLimit, baseUrl, address, isWebProduct } = upstream
  const isRenewed = supply !== undefined || accounts.some(({ renewal }) => renewal)
  const labels = new Set(accounts.map(({ label }) => label))
  const others = isRenewed ? read.filter((name) => !labels.has(environment.writtenAs(name))) : []
  return hashOf([onLimit, baseUrl, address, isWebProduct, environment.fingerprintOf(others)])
}

function hashOf(value: unknown): string {
  return Bun.SHA256.hash(JSON.stringify(value, revealed), 'hex')
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
