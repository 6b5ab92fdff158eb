import { asChatError } from '../../../chat/error.ts'
import type { ContentSealer } from '../../../dialects/openai-responses/sealed-extra.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { Services } from '../../exchange/services.ts'

/** The sealer for the caller. Without the state there may be none, and answers are right without it. */
export async function sealerFor(
  { caller, log }: Pick<Exchange, 'caller' | 'log'>,
  { seals }: Services,
): Promise<ContentSealer | undefined> {
  try {
    return await seals.for(caller)
  } catch (thrown) {
    log.warn({ err: asChatError(thrown) }, 'reasoning cannot be sealed')
    return undefined
  }
}
