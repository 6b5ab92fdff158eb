import type { Parameters } from '../chat/request.ts'

/** A virtual model that several models answer together. */
export interface Panel {
  /** The name that clients use. */
  readonly name: string
  readonly members: readonly PanelMember[]
}

export interface PanelMember {
  /** The text of its header. */
  readonly title: string
  /** The model's address, in the form that clients use. */
  readonly address: string
  /** Parameters that are used if the client does not send them. */
  readonly defaults: Parameters
}

/** The default parameters of the original service. A client's own parameters replace them. */
const defaults: Parameters = { temperature: 0.5, maxTokens: 200 }

const omnibusMembers: readonly PanelMember[] = [
  { title: 'Cohere (command-r-08-2024)', address: 'cohere/command-r-08-2024', defaults },
  { title: 'AI21 Labs (jamba-mini)', address: 'ai21/jamba-mini', defaults },
  { title: 'Mistral (mistral-small-latest)', address: 'mistral/mistral-small-latest', defaults },
]

/** `rawbot-omnibus` with its configured members, in this order; undefined if no member is configured. */
export function omnibus(upstreams: readonly string[]): Panel | undefined {
  const members = omnibusMembers.filter(({ address }) => upstreams.some((name) => address.startsWith(`${name}/`)))
  return members.length > 0 ? { name: 'rawbot-omnibus', members } : undefined
}
