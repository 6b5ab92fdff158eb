import type { ChatEvent } from '../../chat/event.ts'
import { textOf } from '../../chat/message.ts'
import { PartWriter } from '../../chat/part-writer.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Call } from '../../flow/call.ts'
import { sleep } from '../../flow/wait.ts'
import type { Upstream } from '../provider.ts'

/** Milliseconds between two words. */
const paceMs = 15
const maxEchoed = 2_000

/**
 * `demo/echo`: answers while no upstream is configured, so that the first start already works from end to end. It is
 * no model and says so.
 */
export const demo: Upstream = {
  name: 'demo',
  accounts: [{ label: 'demo', credential: undefined }],
  support: { parameters: { choices: 'emulated' } },
  models: [{ id: 'echo', ownedBy: 'tributary', capabilities: [] }],
  chat: echo,
}

async function* echo(request: ChatRequest, call: Call): AsyncGenerator<ChatEvent> {
  call.signal.throwIfAborted()
  const words = wordsOf(answerTo(request))
  const writer = new PartWriter()
  for (const text of words) {
    yield* writer.text(text)
    await sleep(paceMs, call.signal)
  }
  yield* writer.finish('stop')
  const inputTokens = request.messages.reduce((sum, message) => sum + wordsOf(textOf(message.content)).length, 0)
  yield {
    type: 'usage',
    choice: 0,
    usage: { inputTokens, outputTokens: words.length, totalTokens: inputTokens + words.length, source: 'estimate' },
  }
}

function answerTo(request: ChatRequest): string {
  const last = request.messages.findLast((message) => message.role === 'user')
  const said = last ? textOf(last.content).slice(0, maxEchoed) : ''
  return `This is tributary's built-in demo/echo, not a language model: no upstream is configured yet. Set OPENAI_API_KEY (or another upstream's variable) and start again. You said: ${said || '(nothing)'}`
}

/** The words, each with the white space before it. */
function wordsOf(text: string): string[] {
  return text.match(/\s*\S+/g) ?? []
}
