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

type Chance = Pick<Runtime, 'randomBytes'>

/**
 * Reads the secret in a file of mode 0600, and makes the file if there is none. Only one process at a time may call it.
 * @throws ChatError `unavailable` if other users may read the file, or if it has no such secret
 */
export function keyFromFile(path: string, runtime: Chance): Secret {
  return existsSync(path) ? readKeyFile(path) : explain(path, () => makeKey(path, runtime))
}

/** Reads the secret in a file that exists. @throws ChatError `unavailable` as `keyFromFile` does */
export function readKeyFile(path: string): Secret {
  return explain(path, () => readKey(path))
}

/** Names the file in what the work throws. */
function explain(path: string, work: () => Secret): Secret {
  try {
    return work()
  } catch (thrown) {
    if (thrown instanceof ChatError) throw thrown
    throw unavailable(
      `The key file ${path} cannot be read or made (${codeOf(thrown)}). Repair that, or set STATE_SECRET.`,
      thrown,
    )
  }
}

function readKey(path: string): Secret {
  const found = statSync(path)
  // reading a pipe would wait without end
  if (!found.isFile()) throw unavailable(`The key file ${path} is not a regular file. Replace it, or set STATE_SECRET.`)
  if ((found.mode & 0o077) !== 0)
    throw unavailable(`Other users may read or write the key file ${path}: run chmod 600 on it.`)
  const text = readFileSync(path, 'utf8').trim()
  if (!/^[0-9a-f]{64}$/.test(text))
    throw unavailable(`The key file ${path} does not hold 64 hexadecimal digits. Restore it, or set STATE_SECRET.`)
  return new Secret(text)
}

/** Writes the key so that the file has the whole key or does not exist, whenever the machine stops. */
function makeKey(path: string, runtime: Chance): Secret {
  const text = Buffer.from(runtime.randomBytes(32)).toString('hex')
  const draft = `${path}.new`
  rmSync(draft, { force: true })
  writeFileSync(draft, `${text}\n`, { mode: 0o600, flag: 'wx', flush: true })
  renameSync(draft, path)
  syncFolder(dirname(path))
  return new Secret(text)
}

/** Writes a folder to the disk, and with it the names of its new files. */
function syncFolder(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
