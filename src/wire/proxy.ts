let proxied = false

/** Tells that requests go through an HTTP proxy: then it is the proxy that connects, and `fetch` that knows how to ask it. */
export function assumeProxy(): void {
  proxied = true
}

export function isProxied(): boolean {
  return proxied
}
