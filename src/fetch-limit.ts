/** Requests that `fetch` carries at once in this process. */
export const maxFetches = 8192

const variable = 'BUN_CONFIG_MAX_HTTP_REQUESTS'

/**
 * Bun lets 256 fetches run at once and queues the rest without a word. The limit is read when the process starts, so the
 * process starts itself again in its own place: same pid, same arguments, about 7 ms (docs/decisions/0005-fetch-limit.md).
 * Returns where that is not needed, or not possible (Windows).
 */
export function raiseFetchLimit(): void {
  if (process.env[variable] || typeof process.execve !== 'function') return
  const script = Bun.isStandaloneExecutable ? [] : [Bun.main]
  process.execve(process.execPath, [process.execPath, ...script, ...process.argv.slice(2)], {
    ...process.env,
    [variable]: String(maxFetches),
  })
}
