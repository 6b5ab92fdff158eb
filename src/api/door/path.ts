/**
 * The path of a URL as it was sent: without a Host, Bun's request.url is a bare path, which URL would refuse. A `#` is
 * part of it, as it is for the router: no client may send one.
 */
export function pathOf(url: string): string {
  const start = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('//') + 2)
  if (start < 0) return '/'
  const end = url.indexOf('?', start)
  return url.slice(start, end < 0 ? undefined : end)
}

/** The path without slashes that are doubled, and without those at its end: what a base URL that ends in one makes of it. */
export function withoutSpareSlashes(path: string): string {
  const single = path.includes('//') ? path.replace(/\/{2,}/g, '/') : path
  return single.length > 1 && single.endsWith('/') ? single.slice(0, -1) : single
}
