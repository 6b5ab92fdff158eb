import type { CohereBody } from './body.ts'

/** The emulated model's answer, before it is written as events or as one reply. */
export interface WrittenAnswer {
  readonly thinking: string
  readonly plan: string
  readonly calls: readonly { readonly id: string; readonly name: string }[]
  readonly words: readonly string[]
  readonly citations: readonly object[]
  readonly finish: 'COMPLETE' | 'MAX_TOKENS' | 'TOOL_CALL'
  readonly usage: object
}

/** Writes an answer: tool calls if the message asks for them, JSON if the request does, otherwise an echo. */
export function writeAnswer(chat: CohereBody): WrittenAnswer {
  const calls = callsFor(chat)
  const all = calls.length > 0 ? [] : wordsFor(chat)
  const words = all.slice(0, chat.max_tokens)
  const isShort = words.length < all.length
  return {
    thinking: chat.thinking?.type === 'enabled' ? 'Let me think.' : '',
    plan: calls.length > 0 ? `I will call ${calls.map(({ name }) => name).join(' and ')}.` : '',
    calls,
    words,
    citations: words.length > 0 ? citationsOf(chat) : [],
    finish: calls.length > 0 ? 'TOOL_CALL' : isShort ? 'MAX_TOKENS' : 'COMPLETE',
    usage: {
      billed_units: { input_tokens: 4, output_tokens: words.length },
      tokens: { input_tokens: 7, output_tokens: words.length + 1 },
      cached_tokens: 2,
    },
  }
}

function callsFor(chat: CohereBody): { id: string; name: string }[] {
  const known = chat.tools?.map((tool) => tool.function.name) ?? []
  if (chat.tool_choice === 'NONE' || chat.messages.at(-1)?.role === 'tool') return []
  const [verb, ...names] = lastText(chat).split(' ')
  const called = verb === 'call' ? names.filter((name) => known.includes(name)) : []
  const forced = chat.tool_choice === 'REQUIRED' && called.length === 0 ? known.slice(0, 1) : called
  return forced.map((name, at) => ({ id: `${name}_${at + 1}`, name }))
}

function wordsFor(chat: CohereBody): string[] {
  if (chat.response_format?.type === 'json_object') return [JSON.stringify({ said: lastText(chat) })]
  return `You said: ${lastText(chat)}`.match(/\s*\S+/g) ?? []
}

function lastText({ messages }: CohereBody): string {
  const content = messages.at(-1)?.content ?? ''
  if (typeof content === 'string') return content
  return content.map((part) => (part.type === 'text' ? part.text : `[${part.type}]`)).join(' ')
}

/** A citation of the first word, with every document as its source. */
function citationsOf({ documents = [] }: CohereBody): object[] {
  if (documents.length === 0) return []
  const sources = documents.map((given, at) => {
    const data = typeof given === 'string' ? { text: given } : given.data
    return { type: 'document', id: `doc:${at}`, document: { id: `doc:${at}`, ...(data instanceof Object && data) } }
  })
  return [{ start: 0, end: 3, text: 'You', sources, type: 'TEXT_CONTENT' }]
}

const cityArguments = '{"city":"Paris"}'

/** Writes the answer as one reply. */
export function replyOf(id: string, answer: WrittenAnswer): object {
  const text = answer.words.join('')
  const content = [
    ...(answer.thinking ? [{ type: 'thinking', thinking: answer.thinking }] : []),
    ...(text ? [{ type: 'text', text }] : []),
  ]
  const calls = answer.calls.map(({ id, name }) => ({
    id,
    type: 'function',
    function: { name, arguments: cityArguments },
  }))
  const message = {
    role: 'assistant',
    ...(content.length > 0 && { content }),
    ...(answer.plan && { tool_plan: answer.plan }),
    ...(calls.length > 0 && { tool_calls: calls }),
    ...(answer.citations.length > 0 && { citations: answer.citations }),
  }
  return { id, finish_reason: answer.finish, message, usage: answer.usage }
}

type Typed = { readonly type: string; readonly [field: string]: unknown }

/** Writes the answer as the events of a stream. Cohere, Chat v2 streaming */
export function eventsOf(id: string, answer: WrittenAnswer): Typed[] {
  const opening = { role: 'assistant', content: [], tool_plan: '', tool_calls: [], citations: [] }
  return [
    { id, type: 'message-start', ...delta(opening) },
    ...(answer.thinking ? contentEvents(0, 'thinking', [answer.thinking]) : []),
    ...(answer.plan.match(/\s*\S+/g) ?? []).map((tool_plan) => ({ type: 'tool-plan-delta', ...delta({ tool_plan }) })),
    ...answer.calls.flatMap(callEvents),
    ...(answer.words.length > 0 ? contentEvents(answer.thinking ? 1 : 0, 'text', answer.words) : []),
    ...answer.citations.flatMap((citation, index) => [
      { type: 'citation-start', index, ...delta({ citations: citation }) },
      { type: 'citation-end', index },
    ]),
    { type: 'message-end', id, delta: { finish_reason: answer.finish, usage: answer.usage } },
  ]
}

function delta(message: object): { readonly delta: object } {
  return { delta: { message } }
}

function contentEvents(index: number, kind: 'text' | 'thinking', pieces: readonly string[]): Typed[] {
  return [
    { type: 'content-start', index, ...delta({ content: { type: kind, [kind]: '' } }) },
    ...pieces.map((piece) => ({ type: 'content-delta', index, ...delta({ content: { [kind]: piece } }) })),
    { type: 'content-end', index },
  ]
}

function callEvents(call: { readonly id: string; readonly name: string }, index: number): Typed[] {
  const opened = { id: call.id, type: 'function', function: { name: call.name, arguments: '' } }
  return [
    { type: 'tool-call-start', index, ...delta({ tool_calls: opened }) },
    ...['{"ci', 'ty":"Pa', 'ris"}'].map((piece) => ({
      type: 'tool-call-delta',
      index,
      ...delta({ tool_calls: { function: { arguments: piece } } }),
    })),
    { type: 'tool-call-end', index },
  ]
}
