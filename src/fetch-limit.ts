/** How many requests `fetch` carries at once in this process. */
export const maxFetches = 8192

const variable = 'BUN_CONFIG_MAX_HTTP_REQUESTS'
const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']

/**
 * Raises Bun's limit of 256 concurrent fetches; Bun silently queues the rest. Requests use `fetch` only if a proxy is
 * set (docs/decisions/0023-own-http-client.md). Bun reads the limit when the process starts, so the process replaces
 * itself: same pid, same arguments, about 7 ms (docs/decisions/0005-fetch-limit.md). Returns if that is not needed,
 * or not possible (Windows).
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
