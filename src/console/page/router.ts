import { signal } from '@preact/signals'

/** The address within the page: `#/requests/abc?key=team` is the view `requests` with the rest `abc` and a query. */
export interface PageAddress {
  readonly view: string
  /** The parts of the path after the view, decoded. */
  readonly rest: readonly string[]
  readonly query: URLSearchParams
}

/** The page has a path of its own for the routes, which other programs know. */
const usualHash = location.pathname.endsWith('/docs') ? '#/api' : ''

export const address = signal<PageAddress>(readAddress(location.hash))

addEventListener('hashchange', () => {
  address.value = readAddress(location.hash)
})

function readAddress(hash: string): PageAddress {
  const [path = '', query = ''] = (hash || usualHash).replace(/^#\/?/, '').split('?')
  const [view = '', ...rest] = path.split('/').map(decoded)
  return { view, rest, query: new URLSearchParams(query) }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The link to an address. */
export function hrefOf(path: readonly string[], query: Readonly<Record<string, string | undefined>> = {}): string {
  const set = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '')
  const text = new URLSearchParams(set).toString()
  // a name may have half a character, which has no encoding
  const parts = path.map((part) => encodeURIComponent(part.toWellFormed()))
  return `#/${parts.join('/')}${text && `?${text}`}`
}

export function go(path: readonly string[], query?: Readonly<Record<string, string | undefined>>): void {
  location.hash = hrefOf(path, query)
}
