import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname } from 'node:path'
import { lockFile } from '../../state/sqlite/file-lock.ts'

/** The executable of the program, and how it is replaced. Each change is one `rename`, so there is always a whole file. */
export class ExecutableFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** The file that an upgrade keeps. */
  get oldPath(): string {
    return `${this.path}.old`
  }

  /** The new file, before it has its place. */
  get draftPath(): string {
    return `${this.path}.upgrade-draft`
  }

  /** Whether a file is this one, or has its content. */
  async isSame(sum: string): Promise<boolean> {
    return (await sumOf(this.path)) === sum
  }

  /** Keeps other upgrades of this folder away while this process runs. @returns false if one is running */
  lock(): boolean {
    return lockFile(openSync(dirname(this.path), 'r'))
  }

  /** Copies the new file beside this one, with the same owner and permissions. @returns its SHA-256 sum */
  async draft(from: string): Promise<string> {
    rmSync(this.draftPath, { force: true })
    copyFileSync(from, this.draftPath)
    const { mode, uid, gid } = statSync(this.path)
    // only root may give a file to another user; it takes some permissions away
    if (process.getuid?.() === 0) chownSync(this.draftPath, uid, gid)
    chmodSync(this.draftPath, mode & 0o7777)
    sync(this.draftPath)
    return sumOf(this.draftPath)
  }

  dropDraft(): void {
    rmSync(this.draftPath, { force: true })
  }

  /** Puts the draft in the place of this file, and keeps this one, with its sum. */
  async replace(): Promise<void> {
    const sumPath = `${this.oldPath}.sha256`
    // what a full disk can refuse comes first, so that the kept file and its sum belong together
    writeFileSync(`${sumPath}.draft`, `${await sumOf(this.path)}  ${basename(this.oldPath)}\n`)
    linkOver(this.path, this.oldPath)
    renameSync(`${sumPath}.draft`, sumPath)
    renameSync(this.draftPath, this.path)
    sync(dirname(this.path))
  }

  /** Puts the kept file back. */
  putBack(): void {
    linkOver(this.oldPath, this.path)
    sync(dirname(this.path))
  }
}

/** Gives a file a second name, in place of another file. */
function linkOver(path: string, name: string): void {
  const draft = `${name}.upgrade-link`
  rmSync(draft, { force: true })
  try {
    linkSync(path, draft)
  } catch {
    // this file system has no links, or this user may not link the file of another one
    copyFileSync(path, draft)
    sync(draft)
  }
  renameSync(draft, name)
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

async function sumOf(path: string): Promise<string> {
  const hash = new Bun.CryptoHasher('sha256')
  for await (const bytes of Bun.file(path).stream()) hash.update(bytes)
  return hash.digest('hex')
}
