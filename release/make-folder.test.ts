import { expect, test } from 'bun:test'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { emptyFolder } from '../test/e2e/program.ts'
import { makeFolder } from './make-folder.ts'

test('a former release is deleted, and nothing of others', async () => {
  await using folder = await emptyFolder()
  const out = join(folder.path, 'dist/release')
  await makeFolder(out)
  for (const name of ['SHA256SUMS', 'tributary-linux-x64', 'bytecode-order.txt', 'tributary-0.1.0.tgz'])
    await Bun.write(join(out, name), name)
  await makeFolder(out)
  expect(await readdir(out)).toEqual([])
  await mkdir(join(out, 'photos'))
  await Bun.write(join(out, 'photos/one.jpg'), 'kept')
  for (const path of [out, folder.path]) await expect(makeFolder(path)).rejects.toThrow('Name another folder')
  expect(await readdir(join(out, 'photos'))).toEqual(['one.jpg'])
})
