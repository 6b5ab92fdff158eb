import type { KnownEvents } from '../../chat/drift-watch.ts'

/** The events of a stream, and what is needed of them. Cohere, Chat v2 streaming */
export const knownEvents: KnownEvents = {
  '': { type: 'string' },
  'message-start': {},
  'content-start': {},
  'content-delta': { 'delta.message.content.text|thinking': 'string' },
  'content-end': {},
  'tool-plan-delta': { 'delta.message.tool_plan': 'string' },
  'tool-call-start': { 'delta.message.tool_calls.function.name': 'string' },
  'tool-call-delta': { 'delta.message.tool_calls.function.arguments': 'string' },
  'tool-call-end': {},
  'citation-start': { 'delta.message.citations': 'object' },
  'citation-end': {},
  'message-end': { 'delta.finish_reason?': 'string', 'delta.usage?': 'object' },
  debug: {},
  // of proxies
  ping: {},
}
