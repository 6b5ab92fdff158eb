/**
 * The path of a URL as it was sent. Without a `Host`, Bun's `request.url` is a bare path, which `URL` would refuse. A
 * `#` counts as part of the path, as it does for the router; clients must not send one.
 */
export function pathOf(url: string): string {
  const start = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('//') + 2)
  if (start < 0) return '/'
  const end = url.indexOf('?', start)
  return url.slice(start, end < 0 ? undefined : end)
}

/** Removes doubled slashes, and slashes at the end. They come from a base URL that ends with a slash. */
export function withoutSpareSlashes(path: string): string {
  const single = path.includes('//') ? path.replace(/\/{2,}/g, '/') : path
  return single.length > 1 && single.endsWith('/') ? single.slice(0, -1) : single
}
