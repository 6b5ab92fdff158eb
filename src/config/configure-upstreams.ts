import { providers } from '../providers/index.ts'
import type { Provider, Upstream } from '../providers/provider.ts'
import type { Environment } from './environment.ts'

/** Every upstream that the variables turn on. */
export function configureUpstreams(environment: Environment): readonly Upstream[] {
  return providers.flatMap((provider) => configure(provider, environment))
}

/** A list of models or an address for what is off is half of what was meant. */
function configure(provider: Provider, environment: Environment): readonly Upstream[] {
  const before = environment.problems.length
  const { result, names, secrets } = environment.recording(() => provider.configure(environment))
  const missing = secrets.filter((name) => environment.text(name) === undefined)
  if (result.length > 0 || missing.length === 0 || environment.problems.length > before) return result
  const idle = names.filter((name) => /_(MODELS|\w*URL)$/.test(name) && environment.text(name) !== undefined)
  for (const name of idle)
    environment.report({
      variable: name,
      problem: `is set, but ${provider.name} is off: nothing says whom to ask it as`,
      remedy: `set ${missing.join(' or ')}, or leave it out`,
    })
  return result
}
