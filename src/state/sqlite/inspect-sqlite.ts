import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { asChatError } from '../../chat/error.ts'
import { sealKey } from '../seal.ts'
import type { StateFindings } from '../state-place.ts'
import { readKeyFile } from './key-file.ts'
import { lostKeyError, type SqliteConfig } from './open-sqlite.ts'
import { hasEntries } from './sqlite-file.ts'

/** Checks the file and its folder, also while a server uses them. It writes, makes and locks nothing. */
export function inspectSqlite(config: SqliteConfig): StateFindings {
  const { file, secret, keyFile } = config
  const folder = dirname(file)
  const problem = findFolderProblem(folder) ?? findFileProblem(file)
  if (problem !== undefined) return { problems: [problem], notes: [] }
  const isUnencrypted = !secret && keyFile === undefined
  const secretProblem = findSecretProblem(config, isUnencrypted)
  return {
    problems: secretProblem === undefined ? [] : [secretProblem],
    notes: isUnencrypted && secretProblem === undefined ? [unencryptedNote(file)] : [],
  }
}

function findSecretProblem(config: SqliteConfig, isUnencrypted: boolean): string | undefined {
  const { file } = config
  const problem = findKeyFileProblem(config)
  if (problem !== undefined) return problem
  if (!existsSync(file) || !hasEntries(file)) return undefined
  const isSealed = hasEntries(file, sealKey)
  if (isUnencrypted)
    return isSealed
      ? `${file} is encrypted, and there is no STATE_SECRET. Set the one that it was written with.`
      : undefined
  const missingKey = lostKeyError(config)
  if (missingKey) return missingKey.message
  return isSealed
    ? undefined
    : `${file} was written without a STATE_SECRET, so it cannot be read with one. Unset STATE_SECRET, or set another STATE_URL.`
}

/** A missing file is not a problem, because the start makes it. */
function findKeyFileProblem({ secret, keyFile }: SqliteConfig): string | undefined {
  if (secret || keyFile === undefined || !existsSync(keyFile)) return undefined
  try {
    readKeyFile(keyFile)
    return undefined
  } catch (thrown) {
    return asChatError(thrown).message
  }
}

function findFolderProblem(folder: string): string | undefined {
  const stat = statSync(folder, { throwIfNoEntry: false })
  if (!stat) return `The folder of the state, ${folder}, does not exist. Create it, or set another STATE_URL.`
  if (!stat.isDirectory()) return `${folder} is not a folder, so it cannot hold the state. Set another STATE_URL.`
  return isWritable(folder, constants.W_OK | constants.X_OK)
    ? undefined
    : `This user may not write to the folder of the state, ${folder}. Give the user that right, or set another STATE_URL.`
}

function findFileProblem(file: string): string | undefined {
  if (!existsSync(file)) return undefined
  if (!statSync(file).isFile())
    return `${file} is not a regular file, so it cannot hold the state. Set another STATE_URL.`
  return isWritable(file, constants.R_OK | constants.W_OK)
    ? undefined
    : `This user may not read and write the state file ${file}. Give the user that right, or set another STATE_URL.`
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
  return `There is no STATE_SECRET, so chats are kept in ${file} unencrypted. Set one before the first start to encrypt them.`
}
