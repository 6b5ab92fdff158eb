import { describe, expect, test } from 'bun:test'
import { readSource, type SourceFile } from './source-file.ts'

const root = `${import.meta.dir}/../src`

const files = new Map<string, SourceFile>()
for await (const path of new Bun.Glob('**/*.ts').scan(root))
  files.set(path, readSource(path, await Bun.file(`${root}/${path}`).text()))

/** All that is loaded with a file, to the last package. */
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

describe('what is loaded', () => {
  // each of these is some milliseconds of every start, and mebibytes of a program that never uses it
  test('to serve is no tool library, no Socket.IO and no emulator', () => {
    const loaded = loadedToRun('serve')
    expect([...loaded]).toContain('elysia')
    expect([...loaded]).toContain('wire/socketio.ts')
    for (const late of ['@modelcontextprotocol/sdk', 'socket.io-client']) expect(loaded.has(late), late).toBe(false)
    expect([...loaded].filter((path) => path.includes('emulat'))).toEqual([])
  })

  test('to ask whether it is well is no server and no log', () => {
    const loaded = loadedToRun('health')
    expect([...loaded]).toContain('config/config.ts')
    for (const late of ['elysia', 'pino', 'app.ts', 'commands/serve.ts']) expect(loaded.has(late), late).toBe(false)
  })

  test('before the program starts itself again is next to nothing', () => {
    expect([...loadedWith('main.ts')].sort()).toEqual(['commands/hold-signals.ts', 'fetch-limit.ts', 'main.ts'])
  })

  test('is followed through files, past types and what is imported when it is needed', () => {
    const planted = [
      readSource('a.ts', "import type { T } from 'typed'\nimport { b } from './b.ts'\nawait import('late')"),
      readSource('b.ts', "import { type C, c } from '@scope/early/deep.js'\nimport './a.ts'"),
    ]
    const among = new Map(planted.map((file) => [file.path, file]))
    expect([...loadedWith('a.ts', among)]).toEqual(['a.ts', 'b.ts', '@scope/early'])
  })
})
