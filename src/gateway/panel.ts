import type { Parameters } from '../chat/request.ts'

/** A virtual model that several answer together. */
export interface Panel {
  /** What clients call it. */
  readonly name: string
  readonly members: readonly PanelMember[]
}

export interface PanelMember {
  /** How it is announced above its text. */
  readonly title: string
  /** The model, as any client would address it. */
  readonly address: string
  /** What is asked of it where the client does not say. */
  readonly defaults: Parameters
}

/** What the original asked of its three members; a client's own parameters win. */
const defaults: Parameters = { temperature: 0.5, maxTokens: 200 }

const omnibusMembers: readonly PanelMember[] = [
  { title: 'Cohere (command-r-08-2024)', address: 'cohere/command-r-08-2024', defaults },
  { title: 'AI21 Labs (jamba-mini)', address: 'ai21/jamba-mini', defaults },
  { title: 'Mistral (mistral-small-latest)', address: 'mistral/mistral-small-latest', defaults },
]

/** `rawbot-omnibus`: its members in this order, as many of them as are configured; undefined where none is. */
export function omnibus(upstreams: readonly string[]): Panel | undefined {
  const members = omnibusMembers.filter(({ address }) => upstreams.some((name) => address.startsWith(`${name}/`)))
  return members.length > 0 ? { name: 'rawbot-omnibus', members } : undefined
}
