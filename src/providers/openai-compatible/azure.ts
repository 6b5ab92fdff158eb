import type { Secret } from '../../chat/secret.ts'
import { bearer } from '../../clients/openai-chat/ask-openai-chat.ts'
import type { BaseUrl } from '../../wire/base-url.ts'

/** Azure's name of the only model at an address such as `https://RESOURCE.openai.azure.com/openai/deployments/NAME?api-version=…`. */
export function deploymentIn({ url }: BaseUrl): string | undefined {
  const [, name] = /\/openai\/deployments\/([^/]+)$/.exec(new URL(url).pathname) ?? []
  return name && decodeURIComponent(name)
}

/** Hosts of Azure OpenAI and of Microsoft Foundry. Azure OpenAI, REST API reference */
const azureHosts = /\.(openai|cognitiveservices|services\.ai)\.azure\.(com|us|cn)$/i

export function isAzure(base: BaseUrl): boolean {
  return deploymentIn(base) !== undefined || azureHosts.test(new URL(base.url).hostname)
}

/**
 * The headers with the key. Azure expects a key in `api-key`, and a token of Entra as a bearer (openai/openai-node,
 * src/azure.ts); all others expect the key as a bearer. A header that the operator sets replaces both.
 */
export function headersFor(
  base: BaseUrl,
  headers: Readonly<Record<string, string>>,
  key: Secret | undefined,
): Readonly<Record<string, string>> {
  if (!key || !isAzure(base)) return { ...bearer(key), ...headers }
  return { ...('authorization' in headers ? {} : { 'api-key': key.reveal() }), ...headers }
}
