import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { asChatError } from '../../chat/error.ts'
import { sealKey } from '../seal.ts'
import type { StateFindings } from '../state-place.ts'
import { keyFromFile } from './key-file.ts'
import { lostKeyError, type SqliteConfig } from './open-sqlite.ts'
import { hasEntries } from './sqlite-file.ts'

/** Looks at the file and its folder, beside a running server too: nothing is written, made or locked. */
export function inspectSqlite(config: SqliteConfig): StateFindings {
  const { file, secret, keyFile } = config
  const folder = dirname(file)
  const wrong = findFolderProblem(folder) ?? findFileProblem(file)
  if (wrong !== undefined) return { problems: [wrong], notes: [] }
  const isClear = !secret && keyFile === undefined
  const unfit = findSecretProblem(config, isClear)
  return {
    problems: unfit === undefined ? [] : [unfit],
    notes: isClear && unfit === undefined ? [unencryptedNote(file)] : [],
  }
}

function findSecretProblem(config: SqliteConfig, isClear: boolean): string | undefined {
  const { file } = config
  const wrong = findKeyFileProblem(config)
  if (wrong !== undefined) return wrong
  if (!existsSync(file) || !hasEntries(file)) return undefined
  const isSealed = hasEntries(file, sealKey)
  if (isClear) return isSealed ? `${file} is encrypted, and there is no STATE_SECRET. Set it.` : undefined
  const lost = lostKeyError(config)
  if (lost) return lost.message
  return isSealed
    ? undefined
    : `${file} was written without a STATE_SECRET, and can be read with none only. Unset it, or set another STATE_URL.`
}

/** One that is not there is made by the start. */
function findKeyFileProblem({ secret, keyFile }: SqliteConfig): string | undefined {
  if (secret || keyFile === undefined || !existsSync(keyFile)) return undefined
  try {
    keyFromFile(keyFile)
    return undefined
  } catch (thrown) {
    return asChatError(thrown).message
  }
}

function findFolderProblem(folder: string): string | undefined {
  const stat = statSync(folder, { throwIfNoEntry: false })
  if (!stat)
    return `The folder ${folder}, where the state is to be kept, does not exist. Create it, or set another STATE_URL.`
  if (!stat.isDirectory()) return `${folder}, where the state is to be kept, is no folder. Set another STATE_URL.`
  return isWritable(folder, constants.W_OK | constants.X_OK)
    ? undefined
    : `This user may not write to the folder ${folder}, where the state is to be kept.`
}

function findFileProblem(file: string): string | undefined {
  if (!existsSync(file)) return undefined
  if (!statSync(file).isFile())
    return `${file}, where the state is to be kept, is no plain file. Set another STATE_URL.`
  return isWritable(file, constants.R_OK | constants.W_OK)
    ? undefined
    : `This user may not read and write the state file ${file}.`
}

function isWritable(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}

function unencryptedNote(file: string): string {
  return `Chats are kept in ${file} as they are, word for word, since there is no STATE_SECRET. Set one before the first start to have them encrypted.`
}
