import type { KnownEvents } from '../../chat/drift-watch.ts'

/** The events of an account's runs, and what is needed of them. Upstreams 3.4 */
export const knownEvents: KnownEvents = {
  'execution:chunk': { content: 'string' },
  completion_finished: {},
}
