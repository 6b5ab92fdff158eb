import { mkdir, readdir, rm } from 'node:fs/promises'

/** The names of a release's files, and of those that a release which was ended has left. */
const ownName = /^(\.compile-)?(tributary-|bytecode-order\.txt)|^(npm|SHA256SUMS|THIRD-PARTY-NOTICES\.txt)$/

/** Makes the folder of a release anew. @throws if it has files of others, because it would delete them */
export async function makeFolder(path: string): Promise<void> {
  const names = await readdir(path).catch(() => [])
  const other = names.find((name) => !ownName.test(name))
  if (other !== undefined)
    throw new Error(`--out names ${path}, which has ${other}, and that is no file of a release. Name another folder.`)
  await rm(path, { recursive: true, force: true })
  await mkdir(path, { recursive: true })
}
