import type { EgressPolicy } from '../wire/egress.ts'
import type { Environment } from './environment.ts'

const variable = 'MODEL_CONFIG_HOSTS'

/** Reads `CHAT_MODEL`. Whether such a model can exist is checked later, when all upstreams are known. */
export function readChatModel(environment: Environment): { readonly chatModel?: string } {
  const chatModel = environment.text('CHAT_MODEL')
  return chatModel === undefined ? {} : { chatModel }
}

/** Reads the hosts that a request's `model_config.base_url` may name: `MODEL_CONFIG_HOSTS`, or every public host. */
export function readEgress(environment: Environment): EgressPolicy {
  const written = environment.list(variable) ?? ['*']
  const patterns = written.flatMap((pattern) => readPattern(pattern.toLowerCase()) ?? [])
  if (patterns.length < written.length)
    environment.report({
      variable,
      problem: 'has an item that is not a host, a host:port or a *.domain',
      remedy: 'for example api.example.org, *.example.org, 10.0.0.5:8080, or none',
    })
  if (!patterns.includes('none')) return { hosts: patterns }
  if (patterns.length > 1)
    environment.report({ variable, problem: 'has both none and hosts', remedy: 'leave out none, or the hosts' })
  return { hosts: [] }
}

const form = /^(\*\.)?(\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(:\d{1,5})?$/

/** Writes a host as `judge` compares it: as in a URL, without brackets. */
function readPattern(pattern: string): string | undefined {
  if (pattern === '*' || pattern === 'none') return pattern
  const [, wild = '', host = '', port = ''] = form.exec(pattern) ?? []
  const url = host === '' || (wild !== '' && port !== '') ? null : URL.parse(`http://${host}${port}/`)
  return url ? `${wild}${url.hostname.replace(/^\[|\]$/g, '')}${port}` : undefined
}
