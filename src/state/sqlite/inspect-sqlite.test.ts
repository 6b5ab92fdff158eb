import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeFifo } from '../../../test/libc.ts'
import { inspectSqlite } from './inspect-sqlite.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-inspect-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

for (const [state, make, expected] of [
  ['is empty', (path: string) => writeFileSync(path, '', { mode: 0o600 }), 'does not hold 64 hexadecimal digits'],
  ['is a folder', (path: string) => mkdirSync(path), 'is not a regular file'],
  ['is a FIFO', makeFifo, 'is not a regular file'],
  [
    'may be read by others',
    (path: string) => {
      writeFileSync(path, 'a'.repeat(64))
      chmodSync(path, 0o644)
    },
    'Run chmod 600 on it',
  ],
] as const)
  test(`a key file that ${state} is a problem, and nothing is written`, () => {
    const own = mkdtempSync(join(folder, 'a-'))
    const keyFile = join(own, 'state.key')
    make(keyFile)
    const { problems } = inspectSqlite({ file: join(own, 'a.db'), keyFile })
    expect(problems).toEqual([expect.stringContaining(expected)])
    expect(readdirSync(own)).toEqual(['state.key'])
  })
