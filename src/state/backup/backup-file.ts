import { createReadStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { ChatError } from '../../chat/error.ts'
import type { Runtime } from '../../flow/runtime.ts'
import type { StateSecrets } from '../state-place.ts'
import type { StateEntry, Store } from '../store.ts'
import { codeOf } from '../unavailable.ts'
import { type BackupEntry, decodeBackup } from './backup-form.ts'

/** Limits for the values that are written at once. */
const atOnce = { entries: 100, characters: 1024 * 1024 } as const

/** How many entries of each kind were copied. */
export type Copied = Record<StateEntry['kind'], number>

interface BackupOptions {
  readonly secrets: StateSecrets
  readonly runtime: Pick<Runtime, 'now' | 'randomBytes'>
}

/**
 * Writes the lines of a backup to a file that only its owner may read, and reads it again. The file has its name once it is whole, so a
 * former one of that name is kept until then.
 */
export async function writeBackup(
  path: string,
  lines: AsyncIterable<string | Uint8Array>,
  options: BackupOptions,
): Promise<Copied> {
  const draft = `${path}.new`
  await rm(draft, { force: true })
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      for await (const line of lines) await file.appendFile(line)
      await file.sync()
    } finally {
      await file.close()
    }
    const copied = await checkBackup(draft, options)
    await rename(draft, path)
    const folder = await open(dirname(path))
    await folder.sync().finally(() => folder.close())
    return copied
  } catch (thrown) {
    await rm(draft, { force: true })
    throw asFileError(path, thrown)
  }
}

/** Reads a backup to its end. @throws ChatError `invalid-request` if it is damaged */
async function checkBackup(path: string, options: BackupOptions): Promise<Copied> {
  const copied = { value: 0, counter: 0 }
  for await (const { kind } of readBackup(path, options)) copied[kind]++
  return copied
}

/**
 * Writes all entries of a backup that have not ended into the store. Other entries of the store stay.
 * @throws ChatError `invalid-request` if the file is damaged; nothing was written then
 */
export async function importBackup(path: string, store: Store, options: BackupOptions): Promise<Copied> {
  try {
    await checkBackup(path, options)
    return await restoreAll(readBackup(path, options), store, () => options.runtime.now())
  } catch (thrown) {
    throw asFileError(path, thrown)
  }
}

/** Writes some entries at once, because a file needs as long for many writes as for one. */
async function restoreAll(entries: AsyncIterable<BackupEntry>, store: Store, now: () => number): Promise<Copied> {
  const copied = { value: 0, counter: 0 }
  let writing: Promise<boolean>[] = []
  let characters = 0
  const settle = async () => {
    copied.value += (await Promise.all(writing)).filter(Boolean).length
    writing = []
    characters = 0
  }
  for await (const entry of entries) {
    // one after the other, because an entry may come twice
    if (entry.kind === 'counter') {
      copied.counter += (await restore(entry, store, now())) ? 1 : 0
      continue
    }
    writing.push(restore(entry, store, now()))
    characters += entry.value.length
    if (characters > atOnce.characters || writing.length >= atOnce.entries) await settle()
  }
  await settle()
  return copied
}

async function restore({ kind, key, value, endsAt }: BackupEntry, store: Store, now: number): Promise<boolean> {
  const options = endsAt === undefined ? {} : { ttlMs: endsAt - now }
  if (endsAt !== undefined && endsAt <= now) return false
  if (kind === 'value') await store.put(key, value, options)
  else await store.increment(key, Number(value) - (await store.increment(key, 0)), options)
  return true
}

function readBackup(path: string, { secrets, runtime }: BackupOptions): AsyncIterable<BackupEntry> {
  return decodeBackup(createInterface({ input: createReadStream(path), crlfDelay: Infinity }), secrets, runtime)
}

function asFileError(path: string, thrown: unknown): unknown {
  if (thrown instanceof ChatError || codeOf(thrown) === 'no code') return thrown
  return new ChatError('invalid-request', { message: `The file ${path} cannot be used (${codeOf(thrown)}).` })
}
