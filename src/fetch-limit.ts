/** Requests that `fetch` carries at once in this process. */
export const maxFetches = 8192

const variable = 'BUN_CONFIG_MAX_HTTP_REQUESTS'
const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']

/**
 * Requests go through `fetch` only where a proxy is set (docs/decisions/0023-own-http-client.md). Bun lets 256 fetches run at once and queues the rest without a word. The limit is read when the process starts, so the
 * process starts itself again in its own place: same pid, same arguments, about 7 ms (docs/decisions/0005-fetch-limit.md).
 * Returns where that is not needed, or not possible (Windows).
 */
export function raiseFetchLimit(): void {
  const isProxied = proxies.some((name) => process.env[name] || process.env[name.toLowerCase()])
  if (!isProxied || process.env[variable] || typeof process.execve !== 'function') return
  const script = Bun.isStandaloneExecutable ? [] : [Bun.main]
  process.execve(process.execPath, [process.execPath, ...script, ...process.argv.slice(2)], {
    ...process.env,
    [variable]: String(maxFetches),
  })
}
