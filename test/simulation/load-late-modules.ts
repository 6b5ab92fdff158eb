import { dirname, join } from 'node:path'

const root = join(import.meta.dir, '../../src')

/**
 * Loads what the program loads when it is first needed. The disk takes its own time for that, so the first night of a process would
 * have another history than the same night later on.
 */
export async function loadLateModules(): Promise<void> {
  for (const path of new Bun.Glob(
    '{api,state,conversations,tools,wire,metrics,gateway,accounts,usage,keys,needs}/**/*.ts',
  ).scanSync({ cwd: root })) {
    if (/\.test\.ts$|\.double\.ts$|\/emulator\//.test(path)) continue
    const text = await Bun.file(join(root, path)).text()
    for (const [, name = ''] of text.matchAll(/\bimport\('([^']+)'\)/g)) await import(resolve(path, name))
  }
}

function resolve(path: string, name: string): string {
  return name.startsWith('.') ? join(root, dirname(path), name) : Bun.resolveSync(name, root)
}
