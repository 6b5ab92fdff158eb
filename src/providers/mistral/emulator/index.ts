import {
  calledIn,
  type EmulatedChatBody,
  type EmulatedService,
  type EmulatedServiceOptions,
  emulateService,
  wordsFor,
} from '../../../clients/openai-chat/emulator/service.ts'
import { checkBody, refusedAs } from './body.ts'
import { created, modelList, models } from './models.ts'
import { answerTask } from './tasks.ts'

/**
 * Mistral's API over real sockets, as strict as the service: 422 for an undocumented field, 400 for tool-call ids that are not
 * nine letters and digits, for results without their calls, and for a conversation that ends with the assistant. It answers
 * `You said: …` (a Magistral thinks first) in at most 64 tokens. If the request has tools and the last message is
 * `call NAME NAME …`, it calls those tools with `{"city":"Paris"}` (a Ministral writes that as an object).
 */
export function emulateMistral(options: EmulatedServiceOptions = {}): Promise<EmulatedService> {
  return emulateService(
    {
      chatPath: '/v1/chat/completions',
      unauthorized: { status: 401, body: { detail: 'Unauthorized' } },
      notFound: { status: 404, body: { message: 'no Route matched with those values' } },
      check: checkBody,
      get: (path) => (path === '/v1/models' ? modelList() : undefined),
      answer,
      post: answerTask,
    },
    options,
  )
}

/** A model's limit for tokens, which are words here. */
const modelLength = 64

function answer(chat: EmulatedChatBody): ReturnType<Parameters<typeof emulateService>[0]['answer']> {
  const model = models.find(({ id }) => id === chat.model)
  if (!model?.can.completion_chat) return refusedAs(`Invalid model: ${chat.model}`, 'invalid_model', '1500')
  if (!model.can.vision && JSON.stringify(chat.messages).includes('"image_url"'))
    return refusedAs(`Image input is not enabled for model ${chat.model}`, 'invalid_request_error', '3051')
  const turns = Array.from({ length: chat.n ?? 1 }, (_, index) => ({ ...turnFor(chat), index }))
  const head = { id: 'f1e2d3c4b5a697887766554433221100', created, model: chat.model }
  const usage = usageOf(turns.map(({ words }) => words.length).reduce((a, b) => a + b, 0))
  return {
    whole: { ...head, object: 'chat.completion', choices: turns.map(wholeChoice), usage },
    chunks: turns.flatMap((turn) =>
      deltasOf(turn).map((delta, at, all) => {
        const isLast = at === all.length - 1
        const choices = [{ index: turn.index, delta, finish_reason: isLast ? turn.finish : null }]
        // the last chunk with content has the usage, beside its finish
        const counted = isLast && turn.index === turns.length - 1 ? { usage } : {}
        return { ...head, object: 'chat.completion.chunk', choices, ...counted }
      }),
    ),
  }
}

interface EmulatedTurn {
  readonly words: readonly string[]
  readonly thoughts: readonly string[]
  readonly calls: readonly object[]
  readonly finish: string
}

function turnFor(chat: EmulatedChatBody): EmulatedTurn {
  const args = { city: 'Paris' }
  const calls = calledIn(chat).map((name, index) => ({
    id: `call${index}Abc9`.slice(0, 9),
    function: { name, arguments: chat.model.startsWith('ministral') ? args : JSON.stringify(args) },
    index,
  }))
  const thoughts = chat.model.startsWith('magistral') ? ['Let me', ' think.'] : []
  if (calls.length > 0) return { words: [], thoughts, calls, finish: 'tool_calls' }
  const words = wordsFor(chat)
  const most = Math.min(chat.max_tokens ?? modelLength, modelLength)
  if (words.length <= most) return { words, thoughts, calls, finish: 'stop' }
  return { words: words.slice(0, most), thoughts, calls, finish: most === modelLength ? 'model_length' : 'length' }
}

function thinking(thought: string): object {
  return { type: 'thinking', thinking: [{ type: 'text', text: thought }] }
}

function wholeChoice({ words, thoughts, calls, finish, index }: EmulatedTurn & { readonly index: number }): object {
  const text = words.join('')
  const content = thoughts.length > 0 ? [thinking(thoughts.join('')), { type: 'text', text }] : text
  const message = { role: 'assistant', tool_calls: calls.length > 0 ? calls : null, content }
  return { index, finish_reason: finish, message }
}

/** The deltas: the role, the thoughts as parts, the words, and all calls together, each whole. The last one has the finish. */
function deltasOf({ words, thoughts, calls }: EmulatedTurn): object[] {
  return [
    { role: 'assistant', content: '' },
    ...thoughts.map((thought) => ({ content: [thinking(thought)] })),
    ...words.map((content) => ({ content })),
    calls.length > 0 ? { content: '', tool_calls: calls } : { content: '' },
  ]
}

function usageOf(completion: number): object {
  return { prompt_tokens: 7, total_tokens: 7 + completion, completion_tokens: completion }
}
