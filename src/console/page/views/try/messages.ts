import type { Answer } from './types.ts'

/** A question and its answer, as they are sent again. */
interface SentTurn {
  readonly prompt: string
  readonly answer: Answer
}

type Message =
  | { readonly role: 'system' | 'user'; readonly content: string }
  | { readonly role: 'assistant'; readonly content: string; readonly tool_calls?: readonly unknown[] }
  | { readonly role: 'tool'; readonly tool_call_id: string; readonly content: string }

/** The conversation of a column, with the new question at its end. A question without an answer is left out. */
export function messagesOf(system: string, turns: readonly SentTurn[], prompt: string): readonly Message[] {
  return [
    ...(system.trim() === '' ? [] : [{ role: 'system' as const, content: system }]),
    ...turns.flatMap(turnMessages),
    { role: 'user', content: prompt },
  ]
}

function turnMessages({ prompt, answer }: SentTurn): readonly Message[] {
  const text = answer.text || answer.refusal
  if (text === '' && answer.calls.length === 0) return []
  const question: Message = { role: 'user', content: prompt }
  // half a call cannot be sent again
  if (answer.calls.length === 0 || answer.state !== 'done')
    return text === '' ? [] : [question, { role: 'assistant', content: text }]
  const calls = answer.calls.map((call, at) => ({ ...call, id: call.id || `call_${at}` }))
  return [
    question,
    {
      role: 'assistant',
      content: text,
      tool_calls: calls.map(({ id, name, arguments: json }) => ({
        ...{ id, type: 'function', function: { name, arguments: json } },
      })),
    },
    // an upstream refuses a call without a result
    ...calls.map(({ id }) => ({ role: 'tool' as const, tool_call_id: id, content: 'This client runs no tools.' })),
  ]
}
