import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'

/** A file of the page as text, so that a build can take it in. */
export interface BuiltFile {
  /** `main-1a2b3c4d.js`: the name has a hash of the content. */
  readonly name: string
  readonly type: string
  /** The content, compressed with gzip, in Base64. */
  readonly gzip: string
}

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
}

/**
 * Bundles the page. It runs as a macro: in a build its result is taken into the executable, and from source it runs when the
 * page is first asked for (docs/decisions/0090-console.md).
 */
export function buildPage(): readonly BuiltFile[] {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-console-'))
  try {
    const sources = ['main.tsx', 'style.css'].map((name) => join(import.meta.dir, 'page', name))
    const flags = ['--outdir', folder, '--minify', '--production', '--entry-naming', '[name]-[hash].[ext]']
    const { exitCode, stderr } = Bun.spawnSync([process.execPath, 'build', ...sources, ...flags])
    if (exitCode !== 0) throw new Error(`The console cannot be built: ${stderr}`)
    return readdirSync(folder).map((name) => ({
      name,
      type: types[extname(name)] ?? 'application/octet-stream',
      gzip: Buffer.from(Bun.gzipSync(readFileSync(join(folder, name)), { level: 9 })).toString('base64'),
    }))
  } finally {
    rmSync(folder, { recursive: true })
  }
}
