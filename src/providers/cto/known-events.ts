import type { KnownEvents } from '../../chat/drift-watch.ts'

/**
 * The messages of a conversation's socket, and what is needed of them. Documents of other types are the agent's work, which is not
 * documented, so they are no difference. Upstreams 2.2
 */
export const knownMessages: KnownEvents = {
  '': { type: 'string' },
  history: {},
  label: {},
  state: { state: 'object', 'state.inProgress?': 'boolean' },
  update: { buffer: ['string', 'object', 'list'] },
  'update.chat': { 'chat.content|content': ['string', 'list'] },
}
