import { surfaces } from '../../src/api/surfaces/index.ts'
import type { SurfaceRoute } from '../../src/api/surfaces/surface.ts'

/** Every route that only an admin may use, as the list of surfaces has it: a new one is attacked too. */
export const adminRoutes: readonly SurfaceRoute[] = surfaces
  .flatMap(({ routes }) => routes)
  .filter(({ access }) => access === 'admin')

/** Texts for the `{name}` of a path that exist in the gateways of these tests. */
const known: Readonly<Record<string, readonly string[]>> = { name: ['demo'], label: ['demo'] }

/** The paths of a route, with every known text for each `{name}`. */
export function pathsOf({ path }: Pick<SurfaceRoute, 'path'>, names = known): string[] {
  const [, before, name = '', after = ''] = /^(.*?)\{(\w+)\+?\}(.*)$/.exec(path) ?? []
  if (before === undefined) return [path]
  const texts = names[name] ?? ['some']
  return texts.flatMap((text) => pathsOf({ path: before + encodeURIComponent(text) + after }, names))
}
