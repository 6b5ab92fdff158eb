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
    return `${this.path}.new`
  }

  /** Copies the new file beside this one, with the same owner and permissions. @returns its SHA-256 sum */
  async draft(from: string): Promise<string> {
    rmSync(this.draftPath, { force: true })
    copyFileSync(from, this.draftPath)
    const { mode, uid, gid } = statSync(this.path)
    chmodSync(this.draftPath, mode & 0o7777)
    // only root may give a file to another user
    if (process.getuid?.() === 0) chownSync(this.draftPath, uid, gid)
    sync(this.draftPath)
    return sumOf(this.draftPath)
  }

  dropDraft(): void {
    rmSync(this.draftPath, { force: true })
  }

  /** Puts the draft in the place of this file, and keeps this one, with its sum. */
  async replace(): Promise<void> {
    const sum = await sumOf(this.path)
    linkOver(this.path, this.oldPath)
    writeFileSync(`${this.oldPath}.sha256`, `${sum}  ${basename(this.oldPath)}\n`)
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
  const draft = `${name}.link`
  rmSync(draft, { force: true })
  linkSync(path, draft)
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
