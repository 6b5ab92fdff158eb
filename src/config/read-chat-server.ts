import type { EgressPolicy } from '../wire/egress.ts'
import type { Environment } from './environment.ts'

const variable = 'MODEL_CONFIG_HOSTS'

/** `CHAT_MODEL`; whether there can be such a model is looked into once all upstreams are known. */
export function readChatModel(environment: Environment): { readonly chatModel?: string } {
  const chatModel = environment.text('CHAT_MODEL')
  return chatModel === undefined ? {} : { chatModel }
}

/** Where a request's own `model_config.base_url` may point: `MODEL_CONFIG_HOSTS`, or every public host. */
export function readEgress(environment: Environment): EgressPolicy {
  const written = environment.list(variable) ?? ['*']
  const patterns = written.flatMap((pattern) => readPattern(pattern.toLowerCase()) ?? [])
  if (patterns.length < written.length)
    environment.report({
      variable,
      problem: 'holds something that is no host, no host:port and no *.domain',
      remedy: 'for example api.example.org, *.example.org, 10.0.0.5:8080, or none',
    })
  if (!patterns.includes('none')) return { hosts: patterns }
  if (patterns.length > 1)
    environment.report({ variable, problem: 'says none beside hosts', remedy: 'leave out none, or the hosts' })
  return { hosts: [] }
}

const form = /^(\*\.)?(\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(:\d{1,5})?$/

/** As `judge` compares them: a host as a URL has it, without brackets. */
function readPattern(pattern: string): string | undefined {
  if (pattern === '*' || pattern === 'none') return pattern
  const [, wild = '', host = '', port = ''] = form.exec(pattern) ?? []
  const url = host === '' || (wild !== '' && port !== '') ? null : URL.parse(`http://${host}${port}/`)
  return url ? `${wild}${url.hostname.replace(/^\[|\]$/g, '')}${port}` : undefined
}
