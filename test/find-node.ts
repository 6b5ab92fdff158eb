import { delimiter, join } from 'node:path'

/** The path of Node. Within `bun run`, the first `node` in PATH is Bun. */
export function findNode(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders
    .map((folder) => join(folder, 'node'))
    .find((path) => {
      if (!Bun.which(path)) return false
      return Bun.spawnSync([path, '-p', 'process.versions.bun']).stdout.toString().trim() === 'undefined'
    })
}
