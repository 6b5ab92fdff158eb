let proxied = false

/** Makes all requests go through an HTTP proxy. `fetch` sends them then, because it supports proxies. */
export function assumeProxy(): void {
  proxied = true
}

export function isProxied(): boolean {
  return proxied
}
