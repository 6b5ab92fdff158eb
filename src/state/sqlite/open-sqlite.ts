import { existsSync } from 'node:fs'
import { ChatError } from '../../chat/error.ts'
import type { Secret } from '../../chat/secret.ts'
import { refuseSealed, sealStore } from '../seal.ts'
import type { Store } from '../store.ts'
import { keyFromFile } from './key-file.ts'
import { SqliteStore } from './sqlite-store.ts'

export interface SqliteConfig {
  /** An absolute path. */
  readonly file: string
  /** What encrypts it; without it and `keyFile` it is kept as it is. */
  readonly secret?: Secret
  /** Where such a secret is kept, and made the first time. */
  readonly keyFile?: string
}

/** @throws ChatError `unavailable`, in words for the operator, where the state cannot be had: a reason not to start */
export async function openSqlite(config: SqliteConfig): Promise<Store> {
  const store = new SqliteStore(config.file, { refusal: lostKeyError(config) })
  try {
    // only now that nobody else has the file: two that start at once would make two keys
    const secret = config.secret ?? (config.keyFile === undefined ? undefined : keyFromFile(config.keyFile))
    if (secret) return await sealStore(store, secret, config.secret ? undefined : config.keyFile)
    await refuseSealed(store)
    return store
  } catch (thrown) {
    await store.close()
    throw thrown
  }
}

/** A new key would open nothing of what is kept, and would look like the one that is lost. */
export function lostKeyError({ file, secret, keyFile }: SqliteConfig): ChatError | undefined {
  if (secret || keyFile === undefined || existsSync(keyFile)) return undefined
  const message = `The key file ${keyFile} is gone, while ${file} holds what was written with it, or with a STATE_SECRET. Restore it from a backup, or set that STATE_SECRET. Without them nobody can read the state any more: move ${file} away to start anew.`
  return new ChatError('unavailable', { message, code: 'state_sealed' })
}
