import { hideKeysIn, Secret } from '../chat/secret.ts'
import type { HttpServer } from '../tools/server-config.ts'
import type { Environment } from './environment.ts'

const defaultUrl = 'https://mcp.exa.ai/mcp'

/**
 * Reads Exa's hosted server from `EXA_API_KEY` or `EXA_MCP_URL`. The key is sent as `x-api-key`. If the URL's query
 * has a parameter without a value (`?exaApiKey=`), the key is sent there instead, for proxies that expect it there.
 */
export function readExa(environment: Environment): HttpServer | undefined {
  const key = environment.secret('EXA_API_KEY')
  environment.hide('EXA_MCP_URL')
  const text = environment.text('EXA_MCP_URL')
  if (!key && text === undefined) return undefined
  const url = readServerUrl(text ?? defaultUrl)
  if (!url) {
    environment.report({
      variable: 'EXA_MCP_URL',
      problem: 'is not an http or https URL without a user',
      remedy: `for example ${defaultUrl}, with a query if needed`,
    })
    return undefined
  }
  const server = { name: 'exa', transport: 'http' } as const
  const [empty] = [...url.searchParams].find(([, value]) => value === '') ?? []
  if (!key || empty === undefined)
    return { ...server, url: new Secret(url.href), headers: key ? { 'x-api-key': key } : {} }
  url.searchParams.set(empty, key.reveal())
  return { ...server, url: new Secret(url.href), headers: {} }
}

/** Reads the URL of an MCP server. Values in its query that look like keys are treated as secrets from now on. */
export function readServerUrl(text: string): URL | undefined {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') return undefined
  url.hash = ''
  hideKeysIn(url.searchParams)
  return url
}
