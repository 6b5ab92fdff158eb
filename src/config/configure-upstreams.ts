import { providers } from '../providers/index.ts'
import type { Provider, Upstream } from '../providers/provider.ts'
import type { Environment } from './environment.ts'

/** Every upstream that the variables turn on. */
export function configureUpstreams(environment: Environment): readonly Upstream[] {
  return providers.flatMap((provider) => configure(provider, environment))
}

/** What only one upstream reads, beside its credential. */
const furtherNames = /_(MODELS|\w*URL|ANON_KEY|PROMPT_ID)$/

/** A list of models, an address or a public key for what is off is half of what was meant. */
function configure(provider: Provider, environment: Environment): readonly Upstream[] {
  const before = environment.problems.length
  const { result, names, secrets } = environment.recording(() => provider.configure(environment))
  const unset = secrets.filter((name) => environment.text(name) === undefined)
  // the public key of a project that signs people in is a credential only where nobody has to be signed in
  const credentials = unset.filter((name) => !name.endsWith('_ANON_KEY'))
  const missing = credentials.length > 0 ? credentials : unset
  if (result.length > 0 || missing.length === 0 || environment.problems.length > before) return result
  const idle = names.filter((name) => furtherNames.test(name) && environment.text(name) !== undefined)
  for (const name of idle)
    environment.report({
      variable: name,
      problem: `is set, but ${provider.name} is off: nothing says whom to ask it as`,
      remedy: `set ${missing.join(' or ')}, or leave it out`,
    })
  return result
}
