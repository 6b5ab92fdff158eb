import { resolve } from 'node:path'
import type { StatePlace, StoreKind, UrlProblem } from '../state-place.ts'
import type { SqliteConfig } from './open-sqlite.ts'

/** A SQLite file, for one process at a time. */
export function sqlitePlace(config: SqliteConfig): StatePlace {
  const { file, keyFile } = config
  return {
    url: `sqlite:${file}`,
    description: file,
    isDurable: true,
    isShared: false,
    ...(keyFile !== undefined && { keyFile }),
    // SQLite and the encryption are loaded only if they are used
    open: async (runtime, sharing) => (await import('./open-sqlite.ts')).openSqlite(config, runtime, sharing),
    inspect: async () => (await import('./inspect-sqlite.ts')).inspectSqlite(config),
  }
}

export const sqlite: StoreKind = {
  form: 'sqlite:FILE',
  read(url, secrets) {
    const path = pathIn(url)
    const isOurs = path !== undefined || scheme.test(url)
    if (!isOurs) return undefined
    if (path === undefined || /^~|\?/.test(path)) return problemOf(url)
    return sqlitePlace({ file: resolve(path), ...secrets })
  },
}

const scheme = /^(sqlite3?|file):/i

/** Reads the common forms of `sqlite:FILE`. `sqlite:///a` is an absolute path, as in other URLs. */
function pathIn(url: string): string | undefined {
  const [, slashes = '', path] = /^(?:sqlite3?|file):(\/*)(.*)$/i.exec(url) ?? []
  // a path without a scheme is accepted too
  if (path === undefined) return /^(\/|\.\.?\/)|^[^:]+\.(db|sqlite3?)$/i.test(url) ? url : undefined
  if (path === '') return undefined
  return slashes.length === 0 || slashes.length === 2 ? path : `/${path}`
}

function problemOf(url: string): UrlProblem {
  const remedy = 'for example sqlite:/var/lib/tributary/tributary.db'
  if (/^((sqlite3?|file):\/*)?~/i.test(url)) return { problem: 'begins with ~, which only a shell expands', remedy }
  if (/\?/.test(url)) return { problem: 'has parameters, which are not supported', remedy }
  return { problem: 'names no file after its colon', remedy }
}
