import type { KnownEvents } from '../../chat/drift-watch.ts'

/** The chunks of the UI message stream, and what is needed of them. AI SDK, UIMessageChunk */
export const knownChunks: KnownEvents = {
  '': { type: 'string' },
  start: {},
  'start-step': {},
  'finish-step': {},
  'message-metadata': {},
  abort: {},
  error: {},
  finish: { 'finishReason?': 'string', 'messageMetadata.usage?': 'object' },
  'text-start': {},
  'text-delta': { delta: 'string' },
  'text-end': {},
  'reasoning-start': {},
  'reasoning-delta': { delta: 'string' },
  'reasoning-end': {},
  'tool-input-start': { toolCallId: 'string', toolName: 'string' },
  'tool-input-delta': { toolCallId: 'string', inputTextDelta: 'string' },
  'tool-input-available': { toolCallId: 'string', toolName: 'string' },
  'tool-input-error': { toolCallId: 'string' },
  'tool-output-available': { toolCallId: 'string' },
  'tool-output-error': { toolCallId: 'string' },
  'tool-output-denied': { toolCallId: 'string' },
  'tool-approval-request': { toolCallId: 'string' },
  'source-url': {},
  'source-document': {},
  file: {},
  // the page's own data
  'data-*': {},
}

/** The codes of the older format, and what is needed of their values. AI SDK 4, data stream protocol v1 */
export const knownCodes: KnownEvents = {
  'code:0': { '': 'string' },
  'code:g': { '': 'string' },
  'code:3': {},
  'code:9': { toolCallId: 'string', toolName: 'string' },
  'code:a': { toolCallId: 'string' },
  'code:b': { toolCallId: 'string', toolName: 'string' },
  'code:c': { toolCallId: 'string', argsTextDelta: 'string' },
  'code:d': { 'finishReason?': 'string', 'usage?': 'object' },
  // sources
  'code:h': {},
  // data, annotations, the ends and beginnings of steps, redacted reasoning, signatures, files
  ...Object.fromEntries(['2', '8', 'e', 'f', 'i', 'j', 'k'].map((code) => [`code:${code}`, {}])),
}
