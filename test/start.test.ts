import { describe, expect, test } from 'bun:test'
import { readSource, type SourceFile } from './source-file.ts'

const root = `${import.meta.dir}/../src`

const files = new Map<string, SourceFile>()
for await (const path of new Bun.Glob('**/*.ts').scan(root))
  files.set(path, readSource(path, await Bun.file(`${root}/${path}`).text()))

/** Lists everything that is loaded with a file, packages included. */
function loadedWith(path: string, among: ReadonlyMap<string, SourceFile> = files, seen = new Set([path])): Set<string> {
  for (const next of among.get(path)?.loads ?? []) {
    if (seen.has(next)) continue
    seen.add(next)
    loadedWith(next, among, seen)
  }
  return seen
}

const loadedToRun = (command: string): Set<string> =>
  new Set([...loadedWith('commands/run-command.ts'), ...loadedWith(`commands/${command}.ts`)])

describe('the list of loaded modules', () => {
  // each of these costs milliseconds at every start, and mebibytes in a program that does not use it
  test('of the server has no schema, no router, no SQLite, no Redis, no tool library, no traces, no Socket.IO and no emulator', () => {
    const loaded = loadedToRun('serve')
    expect([...loaded]).toContain('api/server.ts')
    expect([...loaded]).toContain('wire/socketio.ts')
    for (const late of [
      'zod',
      'elysia',
      'state/sqlite/open-sqlite.ts',
      'state/redis/open-redis.ts',
      'ioredis',
      '@modelcontextprotocol/client',
      '@opentelemetry/api',
      'traces/open-traces.ts',
      'socket.io-client',
    ])
      expect(loaded.has(late), late).toBe(false)
    expect([...loaded].filter((path) => path.includes('/emulator/'))).toEqual([])
  })

  // docs/decisions/0050-late-modules.md
  test('of the server has few modules of the runtime, because it parses them at every start', () => {
    const modules = [...loadedToRun('serve')].filter((name) => /^(node|bun):/.test(name))
    expect(modules.sort()).toEqual(['bun:ffi', 'node:buffer', 'node:fs', 'node:path'])
  })

  test('of the health command has no server and no log', () => {
    const loaded = loadedToRun('health')
    expect([...loaded]).toContain('config/config.ts')
    for (const late of ['zod', 'elysia', 'telemetry/log.ts', 'app.ts', 'commands/serve.ts'])
      expect(loaded.has(late), late).toBe(false)
  })

  test('is very short before the program restarts itself', () => {
    expect([...loadedWith('main.ts')].sort()).toEqual(['bun-settings.ts', 'commands/hold-signals.ts', 'main.ts'])
  })

  test('follows files, without types and dynamic imports', () => {
    const planted = [
      readSource('a.ts', "import type { T } from 'typed'\nimport { b } from './b.ts'\nawait import('late')"),
      readSource('b.ts', "import { type C, c } from '@scope/early/deep.js'\nimport './a.ts'"),
    ]
    const among = new Map(planted.map((file) => [file.path, file]))
    expect([...loadedWith('a.ts', among)]).toEqual(['a.ts', 'b.ts', '@scope/early'])
  })
})
