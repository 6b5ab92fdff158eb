import type { Secret } from '../../chat/secret.ts'
import { openMessages, routesOfMessages } from '../../clients/anthropic-messages/open-messages.ts'
import { messagesSupport } from '../../clients/anthropic-messages/support.ts'
import { type BaseUrl, withoutRoute } from '../../wire/base-url.ts'
import type { Upstream } from '../provider.ts'
import type { OpenaiCompatibleOptions } from './upstream.ts'

interface MessagesOptions extends Pick<OpenaiCompatibleOptions, 'name' | 'accounts' | 'headers' | 'models'> {
  /** The base URL, with or without the version. */
  readonly base: BaseUrl
}

/** An upstream at an address with Anthropic's Messages API, which may take the key as a bearer: DeepSeek documents `x-api-key`, Moonshot a bearer. */
export function messagesCompatible({
  name,
  accounts,
  headers = {},
  models,
  base,
}: MessagesOptions): Upstream<Secret | undefined> {
  const origin = withoutRoute(base.url, routesOfMessages)
  const service = openMessages({ origin, headers, takesBearer: true })
  return {
    name,
    address: origin,
    accounts,
    support: messagesSupport,
    ...(models && { models: models.map((id) => ({ id })) }),
    listModels: ({ credential }, signal) => service.listModels(credential, signal),
    chat: (request, call) => service.ask(call.account.credential, request, call),
  }
}
