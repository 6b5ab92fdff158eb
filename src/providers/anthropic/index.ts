import type { Account } from '../../accounts/account.ts'
import type { Secret } from '../../chat/secret.ts'
import { openMessages, routesOfMessages } from '../../clients/anthropic-messages/open-messages.ts'
import { messagesSupport } from '../../clients/anthropic-messages/support.ts'
import { withoutRoute } from '../../wire/base-url.ts'
import type { AccountCall, Provider } from '../provider.ts'
import { terms } from './terms.ts'

/** Anthropic's own API: https://docs.claude.com/en/api/messages */
export const provider: Provider = {
  name: 'anthropic',
  // Claude Code and Anthropic's own clients read it, for example to find this gateway
  sharedVariables: ['ANTHROPIC_BASE_URL'],
  configure(variables) {
    const accounts = variables
      .secrets('ANTHROPIC_API_KEY')
      .map(({ name, secret }) => ({ label: name, credential: secret }))
    const origin = withoutRoute(variables.url('ANTHROPIC_BASE_URL') ?? 'https://api.anthropic.com', routesOfMessages)
    const models = variables.list('ANTHROPIC_MODELS')
    const headers = variables.headers('ANTHROPIC_HEADERS')
    if (accounts.length === 0) return []
    const service = openMessages({ origin, headers })
    return [
      {
        name: 'anthropic',
        address: origin,
        accounts,
        support: messagesSupport,
        terms,
        ...(models && { models: models.map((id) => ({ id })) }),
        listModels: ({ credential }: Account<Secret>, signal) => service.listModels(credential, signal),
        chat: (request, call: AccountCall<Secret>) => service.ask(call.account.credential, request, call),
      },
    ]
  },
  async emulate() {
    const { emulateAnthropic } = await import('./emulator/index.ts')
    const emulator = await emulateAnthropic({ models: ['claude-sonnet-4-5', 'claude-haiku-4-5'], paceMs: 20 })
    return { ...emulator, variables: { ANTHROPIC_API_KEY: 'any-key', ANTHROPIC_BASE_URL: emulator.origin } }
  },
}
