import { existsSync } from 'node:fs'
import { join } from 'node:path'
import packageJson from '../../package.json'
import type { Lane } from '../lab/target.ts'
import { type Surface, surfaces } from '../talk/surface.ts'
import { startProgram } from './program.ts'
import type { Recipe } from './recipe.ts'

const root = join(import.meta.dir, '../..')
const key = 'sk-torture-client-0123456789'

/** The executable, or the source where it is not built. */
function command(): readonly string[] {
  const executable = join(root, 'dist/tributary')
  return existsSync(executable) ? [executable] : [process.execPath, join(root, 'src/main.ts')]
}

/** The variables of an upstream that speaks one dialect. It is not rested for what our scripts do to it. */
const upstreamOf = (dialect: Surface, port: number) => ({
  [`UPSTREAM_${dialect.toUpperCase()}_URL`]: `http://127.0.0.1:${port}${dialect === 'messages' ? '' : '/v1'}`,
  [`UPSTREAM_${dialect.toUpperCase()}_KEY`]: 'sk-test-upstream-0123456789',
  [`UPSTREAM_${dialect.toUpperCase()}_MODELS`]: `torture-${dialect}`,
  [`UPSTREAM_${dialect.toUpperCase()}_API`]: dialect,
})

/** Each surface before an upstream of its own dialect, and then before the two others. */
const lanes: readonly Lane[] = [0, 1, 2].flatMap((shift) =>
  surfaces.map((surface, at) => {
    const dialect = surfaces[(at + shift) % surfaces.length] ?? surface
    const name = shift === 0 ? surface : `${surface} over ${dialect}`
    return { name, surface, model: `${dialect}/torture-${dialect}` }
  }),
)

export const tributary: Recipe = {
  name: 'tributary',
  needs: 'nothing; `bun run build` first to test the executable, otherwise the source is started',
  async start({ upstreamPort, port, folder }) {
    const url = `http://127.0.0.1:${port}`
    const program = await startProgram({
      command: command(),
      folder,
      readyUrl: `${url}/health`,
      environment: {
        ...{ HOST: '127.0.0.1', PORT: String(port), API_MASTER_KEY: key, LOG_LEVEL: 'error' },
        ...Object.assign({}, ...surfaces.map((dialect) => upstreamOf(dialect, upstreamPort))),
      },
    })
    return { target: { url, key, lanes, pid: program.pid }, version: packageJson.version, stop: () => program.stop() }
  },
}
