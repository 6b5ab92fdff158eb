import type { Client } from '../../../../connect/client.ts'
import { ApiError, askJson } from '../../session/api.ts'
import { type Trouble, textIn, troubleOf } from './trouble.ts'

/** What became of one small request. */
export type Verdict =
  | { readonly kind: 'works'; readonly tookMs: number; readonly text: string }
  | {
      readonly kind: Trouble
      readonly status: number
      readonly message: string
      readonly requestId: string | undefined
    }

interface CheckOptions {
  readonly model: string
  /** Undefined for the key of this tab. */
  readonly key: string | undefined
}

const question = 'Reply with the word OK.'
/** Enough for a model that thinks a little first. */
const maxTokens = 128

/** Sends one small request as the client would: in its dialect, with the key. It throws nothing. */
export async function checkClient({ dialect }: Client, { model, key }: CheckOptions): Promise<Verdict> {
  const startedAt = performance.now()
  const { path, body, headers } = requests[dialect](model)
  try {
    const answer = await askJson<unknown>(path, { method: 'POST', body, headers, key })
    return { kind: 'works', tookMs: performance.now() - startedAt, text: textIn(answer) }
  } catch (thrown) {
    const error = thrown instanceof ApiError ? thrown : new ApiError(0, { message: String(thrown), code: 'page' })
    const { status, message, requestId } = error
    return { kind: troubleOf(error), status, message, requestId }
  }
}

interface DialectRequest {
  readonly path: string
  readonly body: unknown
  readonly headers: Readonly<Record<string, string>>
}

const requests: Readonly<Record<Client['dialect'], (model: string) => DialectRequest>> = {
  chat: (model) => ({
    path: '/v1/chat/completions',
    body: { model, messages: [{ role: 'user', content: question }], max_tokens: maxTokens },
    headers: {},
  }),
  responses: (model) => ({
    path: '/v1/responses',
    body: { model, input: question, max_output_tokens: maxTokens, store: false },
    headers: {},
  }),
  messages: (model) => ({
    path: '/v1/messages',
    body: { model, messages: [{ role: 'user', content: question }], max_tokens: maxTokens },
    headers: { 'anthropic-version': '2023-06-01' },
  }),
}
