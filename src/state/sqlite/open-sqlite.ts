import { existsSync } from 'node:fs'
import { ChatError } from '../../chat/error.ts'
import type { Secret } from '../../chat/secret.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { refuseSealed, sealStore } from '../seal.ts'
import type { Store } from '../store.ts'
import { keyFromFile } from './key-file.ts'
import { SqliteStore } from './sqlite-store.ts'

export interface SqliteConfig {
  /** An absolute path. */
  readonly file: string
  /** Encrypts the values; without it and `keyFile` they are readable in the file. */
  readonly secret?: Secret
  /** The file of such a secret, which is made at the first start. */
  readonly keyFile?: string
}

/** @throws ChatError `unavailable`, in words for the operator: a reason not to start */
export async function openSqlite(config: SqliteConfig, runtime: Runtime): Promise<Store> {
  const store = new SqliteStore(config.file, { runtime, refusal: lostKeyError(config) })
  try {
    // the file is locked by now: two processes that start at once would make two keys
    const secret = config.secret ?? (config.keyFile === undefined ? undefined : keyFromFile(config.keyFile, runtime))
    if (secret) return await sealStore(store, secret, { runtime, keyFile: config.secret ? undefined : config.keyFile })
    await refuseSealed(store)
    return store
  } catch (thrown) {
    await store.close()
    throw thrown
  }
}

/** The error for a missing key file of a state that was written with it: a new key would open none of its values. */
export function lostKeyError({ file, secret, keyFile }: SqliteConfig): ChatError | undefined {
  if (secret || keyFile === undefined || existsSync(keyFile)) return undefined
  const message = `The key file ${keyFile} is missing, while ${file} was written with it, or with a STATE_SECRET. Restore it from a backup, or set that STATE_SECRET. Without them the state cannot be read any more: move ${file} away to start anew.`
  return new ChatError('unavailable', { message, code: 'state_sealed' })
}
