import type { Parameters } from '../../chat/request.ts'
import type { ModelNode, Route } from './route-tree.ts'

/** The default parameters of the original service. A client's own parameters replace them. */
const defaults: Parameters = { temperature: 0.5, maxTokens: 200 }

const members: readonly ModelNode[] = [
  { kind: 'model', title: 'Cohere (command-r-08-2024)', name: 'cohere/command-r-08-2024', defaults },
  { kind: 'model', title: 'AI21 Labs (jamba-mini)', name: 'ai21/jamba-mini', defaults },
  { kind: 'model', title: 'Mistral (mistral-small-latest)', name: 'mistral/mistral-small-latest', defaults },
]

/** `rawbot-omnibus` with its configured members, in this order; undefined if no member is configured. */
export function omnibus(upstreams: readonly string[]): Route | undefined {
  const configured = members.filter(({ name }) => upstreams.some((upstream) => name.startsWith(`${upstream}/`)))
  return configured.length > 0 ? { name: 'rawbot-omnibus', tree: { kind: 'panel', members: configured } } : undefined
}
