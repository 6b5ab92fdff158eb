import { ChatError } from '../src/chat/error.ts'

/** Returns the `ChatError` of a failed promise. The test fails if there is another error or none. */
export async function failureOf(promise: Promise<unknown>): Promise<ChatError> {
  const thrown = await promise.then(
    () => 'nothing',
    (reason: unknown) => reason,
  )
  if (thrown instanceof ChatError) return thrown
  throw new Error(`no ChatError: ${String(thrown)}`)
}

/** Returns the ChatError that `work` throws; undefined if it throws none. */
export function thrownBy(work: () => unknown): ChatError | undefined {
  try {
    work()
    return undefined
  } catch (thrown) {
    return thrown instanceof ChatError ? thrown : undefined
  }
}
