import { EventSourceParserStream } from 'eventsource-parser/stream'
import { ApiError, ask } from '../../session/api.ts'
import { AnswerDraft } from './draft.ts'
import { receiptOf } from './receipt.ts'
import { type Answer, emptyAnswer } from './types.ts'

interface StreamOptions {
  readonly signal: AbortSignal
  /** Is called after each event, with a way to look at the answer so far. */
  readonly onProgress: (snapshot: () => Answer) => void
}

/** Asks for an answer and receives it. It throws nothing: what went wrong is in the answer. @returns the answer at its end */
export async function streamAnswer(body: unknown, { signal, onProgress }: StreamOptions): Promise<Answer> {
  const startedAt = performance.now()
  let draft: AnswerDraft | undefined
  try {
    const response = await ask('/v1/chat/completions', { method: 'POST', body, signal })
    draft = new AnswerDraft(receiptOf(response.headers), startedAt)
    const isWhole = await read(response, draft, onProgress)
    return draft.snapshot(draft.error ? 'failed' : isWhole ? 'done' : 'broken', performance.now())
  } catch (thrown) {
    const at = performance.now()
    if (draft) return draft.snapshot(signal.aborted ? 'stopped' : 'broken', at)
    const tookMs = at - startedAt
    if (signal.aborted) return { ...emptyAnswer, state: 'stopped', tookMs }
    return { ...failure(thrown), tookMs }
  }
}

/** Reads the events to their end. @returns whether the end was announced */
async function read({ body }: Response, draft: AnswerDraft, onProgress: StreamOptions['onProgress']): Promise<boolean> {
  if (!body) return false
  const events = body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream({ onComment: (comment) => draft.addComment(comment) }))
  let isWhole = false
  for await (const { data } of events) {
    if (data === '[DONE]') isWhole = true
    else {
      draft.add(data, performance.now())
      onProgress(() => draft.snapshot('running', performance.now()))
    }
  }
  return isWhole
}

function failure(thrown: unknown): Answer {
  const { message, code, status, requestId } =
    thrown instanceof ApiError ? thrown : { message: String(thrown), code: 'page', status: 0, requestId: undefined }
  return {
    ...emptyAnswer,
    state: 'failed',
    error: { message, code, status },
    ...(requestId !== undefined && { receipt: { ...receiptOf(new Headers()), requestId } }),
  }
}
