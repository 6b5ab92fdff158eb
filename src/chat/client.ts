import { createHash } from 'node:crypto'

/** What every client is called where none needs a key. */
export const anybody = 'anybody'

/** Names the client of a key: it tells nothing of the key, and is the same for the same key after a restart. */
export function clientName(key: string): string {
  return createHash('sha256').update(`client of tributary: ${key}`).digest('hex').slice(0, 32)
}

/** Enough of a client's name to tell the clients of a log from each other. */
export function fingerprint(client: string): string {
  return client.slice(0, 8)
}
