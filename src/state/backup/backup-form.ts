import { ChatError } from '../../chat/error.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { deriveTextSealer, type TextSealer } from '../seal.ts'
import type { StateSecrets } from '../state-place.ts'
import type { StateEntry } from '../store.ts'

/**
 * The form of a backup: a line with a version and a salt, then sealed lines, each of which is a list of entries. A line is sealed under
 * its number and whether it is the last, so a line that is changed, missing, moved or added is noticed, and so is a cut. The seal is
 * AES-256-GCM, whose tag is a hash that only the secret can make.
 */
const magic = 'tributary-state'
const version = 1
/** Characters of entries that are gathered for a line. An entry is never divided. */
const lineCharacters = 256 * 1024

/** An entry with the time of its end. A backup may be read long after it was written. */
export type BackupEntry = Omit<StateEntry, 'ttlMs'> & {
  /** Milliseconds since 1970. */
  readonly endsAt?: number
}

type BackupClock = Pick<Runtime, 'now' | 'randomBytes'>

/** Gives the lines of a backup, each with its end. */
export async function* encodeBackup(
  entries: AsyncIterable<StateEntry>,
  secrets: StateSecrets,
  runtime: BackupClock,
): AsyncGenerator<string> {
  const salt = Buffer.from(runtime.randomBytes(16)).toString('base64')
  const sealer = await sealerOf(secrets, salt, runtime)
  yield `${magic} ${version} ${salt}\n`
  let number = 0
  let gathered: string[] = []
  let characters = 0
  const line = (isLast: boolean) => `${sealer.seal(nameOf(number++, isLast), `[${gathered.join(',')}]`)}\n`
  for await (const { ttlMs, ...entry } of entries) {
    const text = JSON.stringify({ ...entry, ...(ttlMs !== undefined && { endsAt: runtime.now() + ttlMs }) })
    gathered.push(text)
    characters += text.length
    if (characters < lineCharacters) continue
    yield line(false)
    gathered = []
    characters = 0
  }
  yield line(true)
}

/**
 * Gives the entries of a backup.
 * @param lines its lines, without their ends
 * @throws ChatError `invalid-request` if it is damaged, not whole, or of another secret. The entries before that place were given
 */
export async function* decodeBackup(
  lines: AsyncIterable<string>,
  secrets: StateSecrets,
  runtime: BackupClock,
): AsyncGenerator<BackupEntry> {
  let sealer: TextSealer | undefined
  let number = 0
  let isWhole = false
  for await (const line of lines) {
    if (!sealer) {
      sealer = await sealerOf(secrets, readHead(line), runtime)
      continue
    }
    if (isWhole) throw damaged(number)
    const text = sealer.open(nameOf(number, false), line)
    const lastText = text === undefined ? sealer.open(nameOf(number, true), line) : undefined
    isWhole = lastText !== undefined
    yield* readEntries(text ?? lastText, number)
    number++
  }
  if (!isWhole) throw damaged(number)
}

function sealerOf(
  { secret, previous }: StateSecrets,
  salt: string,
  runtime: Pick<Runtime, 'randomBytes'>,
): Promise<TextSealer> {
  if (!secret)
    throw new ChatError('invalid-request', {
      message: 'A backup is encrypted, and there is no STATE_SECRET. Set it.',
    })
  return deriveTextSealer(secret, Buffer.from(`tributary: backup ${salt}`), { runtime, previous })
}

function nameOf(number: number, isLast: boolean): string {
  return `backup/${number}/${isLast ? 'last' : 'more'}`
}

function readHead(line: string): string {
  const [word, form, salt] = line.split(' ')
  if (word !== magic || salt === undefined)
    throw new ChatError('invalid-request', { message: 'The file is not a backup of tributary.' })
  if (form === String(version)) return salt
  throw new ChatError('invalid-request', {
    message: `The backup has version ${form}, and this tributary reads version ${version}. Use the one that wrote it, or a newer one.`,
  })
}

function readEntries(text: string | undefined, number: number): readonly BackupEntry[] {
  const read: unknown = text === undefined ? undefined : JSON.parse(text)
  if (!Array.isArray(read) || !read.every(isEntry)) throw damaged(number)
  return read
}

function isEntry(entry: unknown): entry is BackupEntry {
  if (typeof entry !== 'object' || entry === null || !('kind' in entry && 'key' in entry && 'value' in entry))
    return false
  const { kind, key, value } = entry
  const isKnown = kind === 'value' || kind === 'counter'
  const hasEnd = !('endsAt' in entry) || typeof entry.endsAt === 'number'
  return isKnown && typeof key === 'string' && typeof value === 'string' && hasEnd
}

function damaged(number: number): ChatError {
  return new ChatError('invalid-request', {
    message: `The backup cannot be read at its line ${number + 2}: it is damaged or not whole, or it was written with another STATE_SECRET. Nothing was imported.`,
  })
}
