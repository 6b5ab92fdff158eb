import type { EmulatedRequest, HttpEmulator } from '../../src/wire/emulator/http.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { startGateway } from '../chaos/gateway.ts'
import { clients, type Json } from './clients.ts'
import type { Reply, Talk } from './talk.ts'
import { upstreams } from './upstreams.ts'

export type ClientName = keyof typeof clients
export type UpstreamName = keyof typeof upstreams

const clientNames = ['chat', 'responses', 'messages'] as const satisfies readonly ClientName[]
const upstreamNames = [
  'chat',
  'responses',
  'anthropic',
  'mistral',
  'cohere',
  'ai21',
] as const satisfies readonly UpstreamName[]

/** Every client's dialect with every upstream's. */
export const pairs = clientNames.flatMap((client) => upstreamNames.map((upstream) => [client, upstream] as const))

interface Asking {
  readonly talk: Talk
  /** What the upstream answers. */
  readonly reply: Reply | Script
  readonly isStream?: boolean
  readonly isOneChunk?: boolean
  /** Members of the body, in addition to those of the conversation. */
  readonly members?: object
  readonly headers?: Readonly<Record<string, string>>
}

/** What came of one request. */
interface Outcome {
  readonly status: number
  readonly headers: Headers
  /** The answer, as the client understands it; undefined after a failure. */
  readonly reply: Reply | undefined
  /** The text of the answer. */
  readonly text: string
  /** What the upstream got, as it understands it; undefined if it was not asked. */
  readonly talk: Talk | undefined
  /** The request to the upstream. */
  readonly sent: (EmulatedRequest & { readonly json: Json }) | undefined
}

/** One gateway with an emulated service for each dialect of upstreams. */
export async function startPairs() {
  const scripts = new Map<UpstreamName, Script>()
  const services = new Map<UpstreamName, HttpEmulator>()
  let variables: Readonly<Record<string, string>> = {}
  for (const name of upstreamNames) {
    const service = await upstreams[name].start(() => scripts.get(name) ?? {})
    services.set(name, service)
    variables = { ...variables, ...upstreams[name].variables(service.origin) }
  }
  const gateway = startGateway(variables)
  return {
    async ask(client: ClientName, upstream: UpstreamName, asking: Asking): Promise<Outcome> {
      const { talk, reply, isStream = false, isOneChunk = false, members, headers = {} } = asking
      const { model, answer, read } = upstreams[upstream]
      const isWhole = !isStream && client === 'chat' && hasWholeReplies(upstream)
      scripts.set(upstream, 'end' in reply ? answer(reply, { isStream: !isWhole, isOneChunk }) : reply)
      const before = services.get(upstream)?.requests.length ?? 0
      const { path, write, whole, stream } = clients[client]
      const response = await fetch(`${gateway.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ model, ...write(talk), stream: isStream, ...members }),
      })
      const text = await response.text()
      const [sent] =
        services
          .get(upstream)
          ?.requests.slice(before)
          .filter(({ method }) => method === 'POST') ?? []
      const json: Json = sent && JSON.parse(sent.body)
      const understood = () => (isStream ? stream(eventsIn(text)) : whole(JSON.parse(text)))
      return {
        status: response.status,
        headers: response.headers,
        reply: response.status === 200 ? understood() : undefined,
        text,
        talk: json && read(json),
        sent: sent && { ...sent, json },
      }
    },
    async close() {
      await gateway.close()
      for (const service of services.values()) await service.close()
    },
  }
}

/** Whether a client of Chat Completions that wants a whole answer gets a whole reply of the upstream. */
export function hasWholeReplies(upstream: UpstreamName): boolean {
  return upstream === 'chat' || upstream === 'mistral' || upstream === 'ai21'
}

function eventsIn(text: string): readonly Json[] {
  return text
    .split('\n')
    .flatMap((line) => (line.startsWith('data: {') ? [JSON.parse(line.slice('data: '.length))] : []))
}
