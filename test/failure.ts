import { ChatError } from '../src/chat/error.ts'

/** The `ChatError` that a promise fails with; anything else it does fails the test. */
export async function failureOf(promise: Promise<unknown>): Promise<ChatError> {
  const thrown = await promise.then(
    () => 'nothing',
    (reason: unknown) => reason,
  )
  if (thrown instanceof ChatError) return thrown
  throw new Error(`no ChatError: ${String(thrown)}`)
}
