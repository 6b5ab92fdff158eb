import { keyVariable } from '../../../../connect/client.ts'
import { shellQuote } from '../../../../connect/quoting.ts'

/** What a command repeats of a request. */
export interface RepeatedRequest {
  readonly task: string
  readonly surface?: string | undefined
  readonly model: string
  /** The recorded text of the request, if there is one and it is whole. */
  readonly text?: string | undefined
}

const sample = 'Say hello in one sentence.'

/** How each task is asked for: its path, and a body with a prompt that stands for the one that is not recorded. */
const asks: Readonly<Record<string, { readonly path: string; readonly body: Readonly<Record<string, unknown>> }>> = {
  chat: { path: '/v1/chat/completions', body: { messages: [{ role: 'user', content: sample }] } },
  responses: { path: '/v1/responses', body: { input: sample } },
  anthropic: { path: '/v1/messages', body: { max_tokens: 1_024, messages: [{ role: 'user', content: sample }] } },
  embedding: { path: '/v1/embeddings', body: { input: sample } },
  completion: { path: '/v1/completions', body: { prompt: sample } },
  moderation: { path: '/v1/moderations', body: { input: sample } },
  rerank: { path: '/v1/rerank', body: { query: sample, documents: ['one', 'two'] } },
  image: { path: '/v1/images/generations', body: { prompt: sample } },
  speech: { path: '/v1/audio/speech', body: { input: sample, voice: 'alloy' } },
}

/**
 * A command for a POSIX shell that sends the request again. Every text of the request stands in quotes, and nothing that a
 * terminal would obey is in it.
 * @param origin the address of this server, such as `http://127.0.0.1:3000`
 * @returns undefined for a request with a file, which is not kept
 */
export function curlOf(origin: string, request: RepeatedRequest): string | undefined {
  const isChat = request.task === 'chat'
  const found = (isChat && asks[request.surface ?? '']) || (Object.hasOwn(asks, request.task) && asks[request.task])
  if (!found) return undefined
  const recorded = request.text === undefined ? undefined : messagesIn(request.text)
  const body = { model: request.model, ...found.body, ...(recorded && isChat && bodyOf(recorded, request.surface)) }
  return [
    `curl ${shellQuote(origin + found.path)}`,
    `-H "Authorization: Bearer $${keyVariable}"`,
    `-H 'Content-Type: application/json'`,
    `-d ${shellQuote(printableJson(body))}`,
  ].join(' \\\n  ')
}

interface ChatMessage {
  readonly role: string
  readonly content: string
}

/**
 * The messages of a recorded text, in which each begins with its role, such as `[user]`.
 * @returns undefined for a text with something that is no text, such as a call of a tool or an image
 */
export function messagesIn(text: string): readonly ChatMessage[] | undefined {
  if (/^\[(?:tool|calls [^\n]*|image|file|audio|[a-z]+-[a-z-]+)\]$/m.test(text)) return undefined
  const [before, ...parts] = text.split(/(?:^|\n\n)\[(system|developer|user|assistant)\]\n/)
  if (before !== '' || parts.length === 0) return undefined
  return Array.from({ length: parts.length / 2 }, (_, at) => ({
    role: parts[2 * at] ?? 'user',
    content: (parts[2 * at + 1] ?? '').trimEnd(),
  }))
}

/** The members in which each API takes the messages. */
function bodyOf(messages: readonly ChatMessage[], surface: string | undefined): Readonly<Record<string, unknown>> {
  if (surface === 'responses') return { input: messages }
  if (surface !== 'anthropic') return { messages }
  const isSystem = ({ role }: ChatMessage) => role === 'system' || role === 'developer'
  const system = messages.filter(isSystem).map(({ content }) => content)
  return {
    ...(system.length > 0 && { system: system.join('\n\n') }),
    messages: messages.filter((message) => !isSystem(message)),
  }
}

/** Writes JSON in which every control character and every mark of direction is escaped, so that it does what it shows. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(/[\p{C}\u2028\u2029]/gu, (sign) =>
    [...Array(sign.length).keys()].map((at) => `\\u${sign.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  )
}
