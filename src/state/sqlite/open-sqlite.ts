import { existsSync } from 'node:fs'
import { ChatError } from '../../chat/error.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { refuseSealed, sealStore } from '../seal.ts'
import type { StateSecrets, StateSharing } from '../state-place.ts'
import type { Store } from '../store.ts'
import { keyFromFile } from './key-file.ts'
import { SqliteStore } from './sqlite-store.ts'

export interface SqliteConfig extends StateSecrets {
  /** An absolute path. */
  readonly file: string
  /** A file with a secret, which is made at the first start. Without it and `secret` the values are stored unencrypted. */
  readonly keyFile?: string
}

/** @throws ChatError `unavailable`, with a message for the operator; the program must not start then */
export async function openSqlite(config: SqliteConfig, runtime: Runtime, sharing?: StateSharing): Promise<Store> {
  const store = new SqliteStore(config.file, { runtime, sharing, refusal: lostKeyError(config) })
  try {
    // the file is locked now, because two processes that start at once would make two keys
    const secret = config.secret ?? (config.keyFile === undefined ? undefined : keyFromFile(config.keyFile, runtime))
    const { previous } = config
    if (secret)
      return await sealStore(store, secret, { runtime, previous, keyFile: config.secret ? undefined : config.keyFile })
    await refuseSealed(store)
    return store
  } catch (thrown) {
    await store.close()
    throw thrown
  }
}

/**
 * The error if the state was written with a key file that is now missing. A new key could not read any of its values.
 */
export function lostKeyError({ file, secret, keyFile }: SqliteConfig): ChatError | undefined {
  if (secret || keyFile === undefined || existsSync(keyFile)) return undefined
  const message = `The key file ${keyFile} is missing, but ${file} was written with it, or with a STATE_SECRET. Restore it from a backup, or set that STATE_SECRET. If both are lost, the state cannot be read: move ${file} away to start without it.`
  return new ChatError('unavailable', { message, code: 'state_sealed' })
}
