import { existsSync } from 'node:fs'
import { ChatError } from '../../chat/error.ts'
import { readKeyFile } from '../sqlite/key-file.ts'
import type { StatePlace, StateSecrets } from '../state-place.ts'

/**
 * The secrets that encrypt a backup: those of the state, or the key file beside it.
 * @throws ChatError `invalid-request` if there is none, because a backup has credentials
 */
export function backupSecrets({ keyFile }: StatePlace, secrets: StateSecrets): StateSecrets {
  if (secrets.secret) return secrets
  if (keyFile !== undefined && existsSync(keyFile)) return { ...secrets, secret: readKeyFile(keyFile) }
  throw new ChatError('invalid-request', {
    message: 'A backup contains credentials and is always encrypted, and there is no STATE_SECRET. Set it.',
  })
}
