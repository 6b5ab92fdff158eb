import { ipVersion } from '../../flow/ip-address.ts'
import { parseBaseUrl } from '../../wire/base-url.ts'

/** The address to connect to, for an address that Ollama listens on. */
const connectable: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '[::]': '[::1]' }

/** Ollama's own routes, and those of OpenAI's dialect; an address may have been copied from a request to any of them. */
const routes = ['/v1/chat/completions', '/v1/models', '/v1', '/api/chat', '/api/generate', '/api/tags', '/api']

/**
 * Reads `OLLAMA_HOST` as Ollama does (ollama/ollama, envconfig/config.go): `host`, `host:port`, `:port` or a URL. The
 * default port is that of the given scheme, or 11434 without a scheme. A listening address such as `0.0.0.0` is
 * replaced by one to connect to.
 * @returns the base URL; undefined for any other text
 */
export function ollamaUrl(value: string): string | undefined {
  const [, scheme, rest = ''] = /^(?:(https?):\/\/)?(.*)$/i.exec(value) ?? []
  if (rest.includes('://')) return undefined
  const isIpv6 = ipVersion(rest) === 6
  const place = rest.startsWith(':') && !isIpv6 ? `127.0.0.1${rest}` : isIpv6 ? `[${rest}]` : rest
  const url = URL.parse(`${scheme ?? 'http'}://${place}`)
  if (!url?.hostname || url.username || url.search || url.hash) return undefined
  if (!scheme && !/:\d+(\/|$)/.test(place)) url.port = '11434'
  url.hostname = connectable[url.hostname] ?? url.hostname
  const base = parseBaseUrl(url.href, routes)
  return base && `${base.url}/v1`
}
