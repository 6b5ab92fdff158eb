import type { Conversation } from '../lab/conversation.ts'
import type { Target } from '../lab/target.ts'
import type { Evidence } from './check.ts'

const mostCharacters = 2_000

/** Shows the bytes of a conversation, without the keys. */
export function evidenceOf(conversation: Conversation, target: Target): Evidence {
  const { connection, exchanges } = conversation
  const secrets = [target.key, ...exchanges.map(({ credential }) => credential)].filter((one) => one && one.length > 3)
  const shown = (text: string) => {
    const hidden = secrets.reduce((rest: string, secret) => rest.replaceAll(String(secret), '***'), text)
    if (hidden.length <= mostCharacters) return hidden
    const half = mostCharacters / 2
    return `${hidden.slice(0, half)}\n… ${hidden.length - mostCharacters} characters …\n${hidden.slice(-half)}`
  }
  return {
    clientSent: shown(connection.sent.text()),
    clientGot: shown(connection.received.text()),
    upstreamGot: exchanges.map(({ head, text }) => shown(`${head.start}\n\n${text}`)),
    upstreamSent: exchanges.map(({ written }) => shown(written.text())),
  }
}
