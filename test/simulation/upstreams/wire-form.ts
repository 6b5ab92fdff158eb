/** The forms of OpenAI's chat completions that an upstream sends. */

const created = 1_767_225_600

export const json = { 'content-type': 'application/json' }
export const sse = { 'content-type': 'text/event-stream' }

export function wholeReply(model: string, text: string): string {
  const message = { role: 'assistant', content: text }
  return JSON.stringify({
    ...{ id: 'c', object: 'chat.completion', created, model },
    choices: [{ index: 0, message, finish_reason: 'stop' }],
    usage: usageOf(text),
  })
}

export function frame(model: string, delta: object, reason: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason: reason }]
  return `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created, model, choices })}\n\n`
}

export function usageFrame(model: string, text: string): string {
  const chunk = { id: 'c', object: 'chat.completion.chunk', created, model, choices: [], usage: usageOf(text) }
  return `data: ${JSON.stringify(chunk)}\n\n`
}

export function errorBody(message: string, code: string): string {
  return JSON.stringify({ error: { message, type: 'server_error', code } })
}

function usageOf(text: string) {
  const completion_tokens = text.split(' ').length
  return { prompt_tokens: 7, completion_tokens, total_tokens: 7 + completion_tokens }
}
