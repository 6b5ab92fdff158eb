import type { Config } from '../config/config.ts'
import type { Runtime } from '../flow/runtime.ts'
import { isMembers, type KeyMembers, type KeySettings, readKey } from '../keys/named-key.ts'
import { urlOf } from './health.ts'
import { createAsk, refusal } from './running-server.ts'

/** Who keeps the client keys. */
export interface KeyAdmin {
  list(): Promise<readonly (KeySettings & { readonly source: string })[]>
  /** @returns the text of the new key */
  add(settings: KeySettings): Promise<string>
  revoke(name: string): Promise<void>
  close(): Promise<void>
}

const waitMs = 10_000

/** Returns the keys of the running server; undefined if none answers at HOST and PORT. */
export async function keysOfServer(config: Config, runtime: Runtime): Promise<KeyAdmin | undefined> {
  if (config.port === 0) return undefined
  const ask = createAsk(config, runtime)
  const first = await ask('GET', '/admin/keys', waitMs).catch(() => undefined)
  if (!first) return undefined
  const read = (answer: { readonly status: number; readonly body: unknown }) => {
    if (answer.status === 200 && isMembers(answer.body)) return answer.body
    throw refusal(answer, urlOf(config))
  }
  return {
    async list() {
      const { data } = read(first)
      return Array.isArray(data) ? data.filter(isMembers).map(listedKey) : []
    },
    async add(settings) {
      return String(read(await ask('POST', '/admin/keys', waitMs, settings)).key)
    },
    async revoke(name) {
      read(await ask('DELETE', `/admin/keys/${encodeURIComponent(name)}`, waitMs))
    },
    close: async () => undefined,
  }
}

function listedKey({ source, created: _, ...settings }: KeyMembers) {
  return { ...readKey(settings).settings, source: String(source) }
}
