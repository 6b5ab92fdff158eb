import { asChatError, ChatError } from '../../../chat/error.ts'
import type { Fields } from '../../../chat/message.ts'
import { isUnfinished, type StoredResponse } from '../../../conversations/stored-responses.ts'
import { failureOf } from '../../../dialects/openai-responses/encode-error.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { Services } from '../../exchange/services.ts'
import { recordingOf } from './recording-name.ts'

function interrupted(): Fields {
  const message = 'The gateway stopped while it made this response. Ask for it again.'
  return { ...failureOf(new ChatError('unavailable', { message })) }
}

/**
 * Finds a response. If the process that made it has stopped, the response has failed.
 */
export async function currentResponse(
  id: string,
  { caller, log }: Pick<Exchange, 'caller' | 'log'>,
  { responses, recordings }: Services,
): Promise<StoredResponse | undefined> {
  const found = await responses.find(caller, id)
  if (!found || !isUnfinished(found.response)) return found
  if (await recordings.isRunning(recordingOf(caller, id))) return found
  // it may have ended after it was read
  const stored = await responses.find(caller, id)
  if (!stored || !isUnfinished(stored.response)) return stored
  const failed = { ...stored, response: { ...stored.response, status: 'failed', error: interrupted() } }
  await responses
    .save(caller, failed)
    .catch((thrown: unknown) => log.warn({ err: asChatError(thrown) }, 'a response could not be stored'))
  return failed
}
