/** How many requests `fetch` carries at once in this process. */
export const maxFetches = 8192

const fetchLimit = 'BUN_CONFIG_MAX_HTTP_REQUESTS'
const memory = 'BUN_JSC_forceRAMSize'
const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']

/**
 * Sets what Bun reads only when the process starts: the process replaces itself, with the same pid and the same arguments,
 * in about 7 ms (docs/decisions/0005-fetch-limit.md). Returns if everything is set, or if it is not possible (Windows).
 */
export function applyBunSettings(): void {
  const missing = Object.entries(settings()).filter(([name]) => !process.env[name])
  if (missing.length === 0 || typeof process.execve !== 'function') return
  const script = Bun.isStandaloneExecutable ? [] : [...process.execArgv, Bun.main]
  process.execve(process.execPath, [process.execPath, ...script, ...process.argv.slice(2)], {
    ...process.env,
    ...Object.fromEntries(missing),
  })
}

function settings(): Readonly<Record<string, string>> {
  // requests use `fetch` only if a proxy is set (docs/decisions/0023-own-http-client.md)
  const isProxied = proxies.some((name) => process.env[name] || process.env[name.toLowerCase()])
  return {
    [memory]: String(heapBytes),
    // Bun carries 256 at once, and silently queues the rest
    ...(isProxied && { [fetchLimit]: String(maxFetches) }),
  }
}

/**
 * The memory of a small machine, for the garbage collector. It is no limit, but on a large machine the heap would grow to
 * several times its content before it is collected (docs/decisions/0049-small-heap.md).
 */
const heapBytes = 256 * 1024 * 1024
