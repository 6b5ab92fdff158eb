import { signal } from '@preact/signals'
import { askJson } from '../../session/api.ts'

// What the settings are made of. The key is in memory only: it is in no URL and in no storage.

export const serverUrl = signal(location.origin)
export const typedKey = signal('')
export const model = signal('')

/** The address without a slash at its end; undefined if it is none of the web. */
export function urlIn(text: string): string | undefined {
  const url = text.trim().replace(/\/+$/, '').replace(/\/v1$/, '')
  return /^https?:\/\/[^\s/]+/i.test(url) && URL.canParse(url) ? url : undefined
}

/** Makes a key for a client, whose name says for which one. @throws ApiError */
export async function makeKey(client: string): Promise<string> {
  const time = new Date().toISOString().slice(0, 19).replace(/\D/g, '')
  const name = `${client}-${time}`
  const { key } = await askJson<{ readonly key: string }>('/admin/keys', { method: 'POST', body: { name } })
  typedKey.value = key
  return name
}
