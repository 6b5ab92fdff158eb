import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { ChatError } from '../../chat/error.ts'
import { Secret } from '../../chat/secret.ts'
import { codeOf, unavailable } from '../unavailable.ts'

/**
 * The secret in a file of mode 0600, which is made where there is none. Only one process at a time may ask.
 * @throws ChatError `unavailable` where others may read it, or it holds no such secret
 */
export function keyFromFile(path: string): Secret {
  try {
    return existsSync(path) ? readKey(path) : makeKey(path)
  } catch (thrown) {
    if (thrown instanceof ChatError) throw thrown
    throw unavailable(
      `The key file ${path} cannot be read or made (${codeOf(thrown)}). Mend that, or set STATE_SECRET.`,
      thrown,
    )
  }
}

function readKey(path: string): Secret {
  const found = statSync(path)
  // a pipe would be waited for without end
  if (!found.isFile()) throw unavailable(`The key file ${path} is not a regular file. Mend that, or set STATE_SECRET.`)
  if ((found.mode & 0o077) !== 0)
    throw unavailable(`Others than its owner may read or write the key file ${path}: run chmod 600 on it.`)
  const text = readFileSync(path, 'utf8').trim()
  if (!/^[0-9a-f]{64}$/.test(text))
    throw unavailable(`The key file ${path} does not hold 64 hexadecimal digits. Restore it, or set STATE_SECRET.`)
  return new Secret(text)
}

/** Under its name there is the whole key or none, whenever the machine stops. */
function makeKey(path: string): Secret {
  const text = randomBytes(32).toString('hex')
  const draft = `${path}.new`
  rmSync(draft, { force: true })
  writeFileSync(draft, `${text}\n`, { mode: 0o600, flag: 'wx', flush: true })
  renameSync(draft, path)
  syncFolder(dirname(path))
  return new Secret(text)
}

/** A new name is on the disk once its folder is. */
function syncFolder(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
