/**
 * `bun run smoke [FOLDER]`: uses each executable of a release, and says which of them cannot be run here
 * (docs/install.md). What runs on no machine of ours is at least looked at: macOS runs no file whose signature is wrong.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isSignedAsItIs } from '../mach-o.ts'
import { targets } from '../targets.ts'
import { runnerOf } from './runners.ts'
import { smoke } from './smoke.ts'

const [folder = 'dist/release'] = process.argv.slice(2)
let failures = 0
for (const { name, file } of targets) {
  const path = join(process.cwd(), folder, file)
  const startedAt = performance.now()
  try {
    const outcome = existsSync(path) ? await tryOut(name, path) : 'not in the release'
    console.log(`${name}: ${outcome} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`)
  } catch (error) {
    failures += 1
    console.log(`${name}: FAILED: ${error instanceof Error ? error.message : error}`)
  }
}
process.exit(failures === 0 ? 0 : 1)

async function tryOut(name: string, path: string): Promise<string> {
  if (name.startsWith('darwin')) {
    if (!(await isSignedAsItIs(path))) throw new Error('Its signature is wrong, so macOS would end it.')
    return 'not run here; its signature is right'
  }
  const runner = runnerOf(name, join(process.cwd(), 'dist/smoke'))
  if (runner === undefined) return 'not run here'
  await smoke(path, runner)
  return `works${runner.emulator.length > 0 ? `, in ${runner.emulator.slice(0, 3).join(' ')}` : ''}`
}
