import { textOf } from '../../chat/message.ts'
import { PartWriter } from '../../chat/part-writer.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { type Batch, flowOf } from '../../flow/flow.ts'
import { sleep } from '../../flow/wait.ts'
import type { Upstream } from '../provider.ts'

/** Milliseconds between two words. */
const paceMs = 15
const maxEchoed = 2_000

/**
 * `demo/echo` answers while no upstream is configured, so that the first start works from end to end. Its answer
 * tells the user that it is not a model.
 */
export const demo: Upstream = {
  name: 'demo',
  accounts: [{ label: 'demo', credential: undefined }],
  followsInstructions: false,
  support: { parameters: { choices: 'emulated' } },
  models: [{ id: 'echo', ownedBy: 'tributary', capabilities: [] }],
  chat: (request, call) => flowOf((signal) => echo(request, signal), call.signal),
}

async function* echo(request: ChatRequest, signal: Cancel): AsyncGenerator<Batch> {
  const words = wordsOf(answerTo(request))
  const writer = new PartWriter()
  for (const text of words) {
    yield writer.text(text)
    await sleep(paceMs, signal)
  }
  const inputTokens = request.messages.reduce((sum, message) => sum + wordsOf(textOf(message.content)).length, 0)
  const totalTokens = inputTokens + words.length
  yield [
    ...writer.finish('stop'),
    { type: 'usage', choice: 0, usage: { inputTokens, outputTokens: words.length, totalTokens, source: 'estimate' } },
  ]
}

function answerTo(request: ChatRequest): string {
  const last = request.messages.findLast((message) => message.role === 'user')
  const question = last ? textOf(last.content).slice(0, maxEchoed) : ''
  return `This is tributary's built-in demo/echo, not a language model: no upstream is configured yet. Set OPENAI_API_KEY (or another upstream's variable) and start again. You said: ${question || '(nothing)'}`
}

/** The words of a text, each with the white space before it. */
function wordsOf(text: string): string[] {
  return text.match(/\s*\S+/g) ?? []
}
