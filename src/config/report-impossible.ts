import { kindOf } from '../chat/model-kind.ts'
import { hasPanel, type Route } from '../gateway/routes/route-tree.ts'
import { providers } from '../providers/index.ts'
import { presets } from '../providers/openai-compatible/presets.ts'
import type { Upstream } from '../providers/provider.ts'
import type { Environment } from './environment.ts'

interface ConfiguredUpstreams {
  readonly environment: Environment
  readonly upstreams: readonly Upstream[]
  readonly routes: readonly Route[]
  /** The models of other names. */
  readonly aliases: ReadonlyMap<string, string>
}

/** Reports a summary model that is a panel, or that no configured upstream can have. */
export function reportNoSummary(variable: string, known: ConfiguredUpstreams): void {
  const { environment, routes } = known
  if (routes.some(({ name, tree }) => name === environment.text(variable) && hasPanel(tree)))
    environment.report({
      variable,
      problem: 'names a panel, whose answer is not a summary',
      remedy: 'name one upstream/model',
    })
  else reportNoChat(variable, known)
}

function reportImpossible(variable: string, model: string, { environment, upstreams }: ConfiguredUpstreams): void {
  const report = (problem: string, remedy: string) => environment.report({ variable, problem, remedy })
  const names = upstreams.map(({ name }) => name).join(', ')
  if (/\s|:tools$|\/$/.test(model))
    report('does not name a model', `for example upstream/model, with one of the upstreams ${names}`)
  else if (!isPossible(model, upstreams))
    report('names a model that no configured upstream has', `one of the upstreams ${names}, as upstream/model`)
}

/**
 * Reports a variable that names a model which no configured upstream can have; a route is allowed. The upstreams are
 * not asked for their lists here. A name is only a hint: OpenRouter offers chats with models that OpenAI does not.
 */
export function reportNoChat(variable: string, known: ConfiguredUpstreams): void {
  const { environment, upstreams, routes, aliases } = known
  const named = environment.text(variable)
  const model = named === undefined ? undefined : (aliases.get(named) ?? named)
  if (model === undefined || routes.some(({ name }) => name === model)) return
  reportImpossible(variable, model, known)
  const upstream = upstreams.find(({ name }) => model.startsWith(`${name}/`))
  const kind = kindOf({ id: upstream ? model.slice(upstream.name.length + 1) : model })
  if (kind !== 'chat')
    environment.warn(
      `${variable} names a model that seems to be for ${kind}, not for chats. \`tributary models\` lists the models that chat.`,
    )
}

/**
 * Whether an upstream may have the model. The name of the upstream may be left out, and a model's own name may
 * contain slashes. Without a fixed list of models, an upstream may have almost any model.
 */
export function isPossible(model: string, upstreams: readonly Upstream[]): boolean {
  const [prefix = '', ...rest] = model.split('/')
  const own = upstreams.find(({ name }) => name === prefix)
  const isListed = ({ models }: Upstream, id: string) => models?.some((known) => known.id === id) ?? true
  if (own && rest.length > 0 && isListed(own, rest.join('/'))) return true
  const isForeign = rest.length > 0 && knownUpstreams.has(prefix.toLowerCase())
  return upstreams.some(
    (upstream) => isListed(upstream, model) && (upstream.models !== undefined || !(isForeign && isMaker(upstream))),
  )
}

/**
 * Upstreams that only list their own models, at their own address. Their models have no other upstream's name before
 * a slash.
 */
const makers = new Set(['openai', 'deepseek', 'gemini', 'xai', 'perplexity', 'moonshot', 'cohere', 'ai21', 'mistral'])

function isMaker({ name, baseUrl }: Upstream): boolean {
  const preset = presets.find((other) => other.name === name)
  return makers.has(name) && (preset === undefined || preset.url === baseUrl)
}

/** Names that mean an upstream before a slash, configured or not. */
const knownUpstreams: ReadonlySet<string> = new Set([
  ...presets.map(({ name }) => name),
  ...providers.map(({ name }) => name),
  'ollama',
])
