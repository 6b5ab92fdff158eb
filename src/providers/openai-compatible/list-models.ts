import { asChatError, ChatError } from '../../chat/error.ts'
import type { Model } from '../../chat/model.ts'
import { getModels } from '../../clients/openai-chat/get-models.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { type BaseUrl, hasVersion, routeOf } from '../../wire/base-url.ts'

export interface Listing {
  readonly base: BaseUrl
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Asks for the models. If there is no list, and the address has no version, it tries `/v1`, because most services have
 * their routes there and a missing version is the most common mistake.
 * @throws ChatError `upstream_address` if the address is probably wrong
 */
export async function listModels({ base, headers }: Listing, signal: Cancel): Promise<readonly Model[]> {
  try {
    return await getModels(routeOf(base, '/models'), headers, signal)
  } catch (thrown) {
    signal.throwIfAborted()
    const error = asChatError(thrown)
    if (hasVersion(base) || !isNoList(error)) throw error
    throw wrongAddress(error, await isThere({ ...base, url: `${base.url}/v1` }, headers, signal))
  }
}

/** Whether the path does not exist, or the server is not an API and sent its own page. */
function isNoList({ code, upstreamStatus }: ChatError): boolean {
  return upstreamStatus === 404 || upstreamStatus === 405 || code === 'upstream_bad_response'
}

async function isThere(base: BaseUrl, headers: Listing['headers'], signal: Cancel): Promise<boolean> {
  try {
    await getModels(routeOf(base, '/models'), headers, signal)
    return true
  } catch {
    return false
  }
}

function wrongAddress(error: ChatError, isFound: boolean): ChatError {
  const { upstreamStatus } = error
  const what =
    upstreamStatus === undefined ? 'gives no list of models' : `answers ${upstreamStatus} when asked for models`
  const found = isFound ? ': there it lists its models.' : '.'
  return new ChatError('upstream-failed', {
    message: `The address ${what}; /v1 is probably missing${found}`,
    code: 'upstream_address',
    cause: error,
    ...(upstreamStatus !== undefined && { upstreamStatus }),
  })
}
