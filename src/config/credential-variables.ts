import type {
  AccountSource,
  AvailableCredential,
  CredentialVariable,
  Provider,
  Upstream,
} from '../providers/provider.ts'
import type { Environment } from './environment.ts'

/** What a provider may have as credentials, by the variable's name. */
export interface ProviderCredentials {
  readonly provider: Provider
  readonly credentials: ReadonlyMap<string, CredentialVariable>
}

/** The credentials that a provider has read. A project's public key is one only for an upstream without sign-in. */
export function credentialsOf(provider: Provider, read: readonly CredentialVariable[]): ProviderCredentials {
  const others = read.filter(({ variable }) => !variable.endsWith('_ANON_KEY'))
  const own = others.length > 0 ? others : read
  return { provider, credentials: new Map(own.map((credential) => [credential.variable, credential])) }
}

/** The variable of an upstream's credentials; undefined if it takes none. */
export function credentialOf(
  { name }: Pick<Upstream, 'name'>,
  { provider, credentials }: ProviderCredentials,
): CredentialVariable | undefined {
  if (!provider.prefixes) return credentials.values().next().value
  const prefix = prefixOf(name)
  return credentials.get(`UPSTREAM_${prefix}_KEY`) ?? credentials.get(`${prefix}_API_KEY`)
}

/** Where the accounts of an upstream come from. */
export function sourcesOf(
  { name, accounts }: Pick<Upstream, 'name' | 'accounts'>,
  environment: Environment,
): ReadonlyMap<string, AccountSource> {
  return new Map(
    accounts.map(({ label, credential }) => {
      const variable = credential === undefined ? addressOf(name, environment) : label
      const isKept = variable !== undefined && environment.isKept(variable)
      return [label, { variable, source: isKept ? 'state' : 'environment' }]
    }),
  )
}

/** The variable that turns on an upstream without a credential. */
function addressOf(upstream: string, environment: Environment): string | undefined {
  const prefix = prefixOf(upstream)
  const names = [`UPSTREAM_${prefix}_URL`, `${prefix}_BASE_URL`, `${prefix}_HOST`]
  return names.find((name) => environment.isSet(name))
}

function prefixOf(upstream: string): string {
  return upstream.toUpperCase().replaceAll('-', '_')
}

/** The variables that would turn on the provider's upstreams that are off. */
export function availableOf(
  upstreams: readonly Pick<Upstream, 'name'>[],
  { provider, credentials }: ProviderCredentials,
): readonly AvailableCredential[] {
  const on = new Set(upstreams.map(({ name }) => name))
  const { name, prefixes, switches = [] } = provider
  const offered = [...credentials.values()].flatMap(({ variable, kind }) => {
    const own = prefixes ? /^([A-Z0-9]+)_API_KEY$/.exec(variable)?.[1]?.toLowerCase() : name
    return own === undefined ? [] : [{ variable, upstream: own, kind }]
  })
  return [...offered, ...switches]
    .filter(({ upstream }) => upstream === undefined || !on.has(upstream))
    .map(({ variable, upstream, kind }) => ({ variable, upstream, provider: name, kind }))
}
