import { Environment } from '../../src/config/environment.ts'
import type { AnswerBlock } from '../../src/providers/anthropic/emulator/answer.ts'
import { emulateAnthropic, streamOf } from '../../src/providers/anthropic/emulator/index.ts'
import { provider } from '../../src/providers/anthropic/index.ts'
import type { Upstream } from '../../src/providers/provider.ts'

/** A block of a message in the Messages API. */
export type Block = AnswerBlock

/** A message of a request. */
export interface Turn {
  readonly role: string
  readonly content: string | readonly { readonly type: string }[]
}

export interface MessagesEmulator {
  readonly upstream: Upstream
  /** The messages of each request, in the order of the requests, without marks for the cache. */
  readonly conversations: readonly (readonly Turn[])[]
  close(): Promise<void>
}

/**
 * Emulates Anthropic's API over real sockets, with the upstream that asks it. It answers the n-th request with the n-th
 * message.
 */
export async function emulateMessages(messages: readonly (readonly Block[])[]): Promise<MessagesEmulator> {
  const conversations: Turn[][] = []
  const said = messages.flat()
  const emulator = await emulateAnthropic({
    signatures: said.flatMap((block) => (block.type === 'thinking' ? [block.signature] : [])),
    reply(chat) {
      const content = messages[conversations.length] ?? [{ type: 'text', text: 'That is all.' }]
      conversations.push(JSON.parse(JSON.stringify(chat.messages, withoutMarks)))
      const stop_reason = content.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn'
      const usage = { input_tokens: 12, cache_read_input_tokens: 100, cache_creation_input_tokens: 0, output_tokens: 7 }
      return { body: streamOf({ model: chat.model, content, stop_reason, usage }) }
    },
  })
  const environment = new Environment({
    ANTHROPIC_API_KEY: 'any-key',
    ANTHROPIC_BASE_URL: emulator.origin,
    ANTHROPIC_MODELS: 'claude-example',
  })
  const [upstream] = provider.configure(environment)
  if (!upstream) throw new Error('there is no upstream')
  return { upstream: { ...upstream, name: 'messages' }, conversations, close: () => emulator.close() }
}

function withoutMarks(name: string, value: unknown): unknown {
  return name === 'cache_control' ? undefined : value
}
