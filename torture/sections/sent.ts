import { expect } from '../lab/failure.ts'
import type { Lab } from '../lab/lab.ts'
import type { Talk } from '../talk/talk.ts'

/** A PNG picture of one pixel. */
export const picture =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

/** Sends a conversation, and returns what the upstream got. */
export async function sent(lab: Lab, talk: Talk) {
  const { status, text, conversation } = await lab.ask({ talk, isStream: false })
  const exchange = conversation.exchanges[0]
  expect(
    exchange !== undefined,
    () => `the upstream was not asked: status ${status}, ${text.slice(0, 200)}`,
    conversation,
  )
  const got = exchange.dialect.read(exchange.body)
  return { exchange, got, conversation, wants: (isSo: boolean, message: string) => expect(isSo, message, conversation) }
}
