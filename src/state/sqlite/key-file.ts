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
import type { Runtime } from '../../flow/runtime.ts'
import { codeOf, unavailable } from '../unavailable.ts'

type RandomSource = Pick<Runtime, 'randomBytes'>

/**
 * Reads the secret in a file of mode 0600, and makes the file if there is none. Only one process at a time may call it.
 * @throws ChatError `unavailable` if other users may read the file, or if it has no such secret
 */
export function keyFromFile(path: string, runtime: RandomSource): Secret {
  return existsSync(path) ? readKeyFile(path) : nameFileInError(path, () => makeKey(path, runtime))
}

/** Reads the secret in a file that exists. @throws ChatError `unavailable` like `keyFromFile` */
export function readKeyFile(path: string): Secret {
  return nameFileInError(path, () => readKey(path))
}

/** Adds the file's name to the error. */
function nameFileInError(path: string, work: () => Secret): Secret {
  try {
    return work()
  } catch (thrown) {
    if (thrown instanceof ChatError) throw thrown
    throw unavailable(
      `The key file ${path} cannot be read or made (${codeOf(thrown)}). Check its folder and its permissions, or set STATE_SECRET.`,
      thrown,
    )
  }
}

function readKey(path: string): Secret {
  const status = statSync(path)
  // reading a pipe would wait for ever
  if (!status.isFile())
    throw unavailable(`The key file ${path} is not a regular file. Replace it, or set STATE_SECRET.`)
  if ((status.mode & 0o077) !== 0)
    throw unavailable(`Other users may read or write the key file ${path}. Run chmod 600 on it.`)
  const text = readFileSync(path, 'utf8').trim()
  if (!/^[0-9a-f]{64}$/.test(text))
    throw unavailable(`The key file ${path} does not hold 64 hexadecimal digits. Restore it, or set STATE_SECRET.`)
  return new Secret(text)
}

/** Writes the key in one step, so that a crash never leaves a file with a part of the key. */
function makeKey(path: string, runtime: RandomSource): Secret {
  const text = Buffer.from(runtime.randomBytes(32)).toString('hex')
  const draft = `${path}.new`
  rmSync(draft, { force: true })
  writeFileSync(draft, `${text}\n`, { mode: 0o600, flag: 'wx', flush: true })
  renameSync(draft, path)
  syncFolder(dirname(path))
  return new Secret(text)
}

/** Writes a folder to the disk, so that the names of its new files survive a crash. */
function syncFolder(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
