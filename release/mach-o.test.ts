import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isSignedAsItIs, signAdHoc } from './mach-o.ts'

let folder = ''
const codeBytes = 10_000

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tributary-mach-o-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A file with the commands of an executable, and a signature that is none. */
async function writeExecutable(): Promise<string> {
  const file = Buffer.alloc(codeBytes + 100, 7)
  file.writeUInt32LE(3, 16)
  writeSegment(file.subarray(32), '__TEXT', { offset: 0, bytes: 8192 })
  writeSegment(file.subarray(104), '__LINKEDIT', { offset: 8192, bytes: codeBytes + 100 - 8192 })
  for (const [index, value] of [0x1d, 16, codeBytes, 100].entries()) file.writeUInt32LE(value, 176 + index * 4)
  const path = join(folder, 'executable')
  await Bun.write(path, file)
  return path
}

function writeSegment(command: Buffer, name: string, { offset, bytes }: { offset: number; bytes: number }) {
  command.writeUInt32LE(0x19, 0)
  command.writeUInt32LE(72, 4)
  command.write(name.padEnd(16, '\0'), 8, 'latin1')
  command.writeBigUInt64LE(BigInt(offset), 40)
  command.writeBigUInt64LE(BigInt(bytes), 48)
}

test('an executable is signed as it is, and no longer when one byte of it changes', async () => {
  const path = await writeExecutable()
  expect(await isSignedAsItIs(path)).toBe(false)
  await signAdHoc(path)
  expect(await isSignedAsItIs(path)).toBe(true)
  for (const at of [0, 5000, codeBytes - 1]) {
    const changed = Buffer.from(await Bun.file(path).bytes())
    changed[at] = (changed[at] ?? 0) ^ 1
    await Bun.write(`${path}.changed`, changed)
    expect([at, await isSignedAsItIs(`${path}.changed`)]).toEqual([at, false])
  }
})

test('the last segment of the file ends with the signature', async () => {
  const path = await writeExecutable()
  await signAdHoc(path)
  const file = Buffer.from(await Bun.file(path).bytes())
  expect(Number(file.readBigUInt64LE(104 + 40) + file.readBigUInt64LE(104 + 48))).toBe(file.length)
  expect(file.readUInt32LE(176 + 8) + file.readUInt32LE(176 + 12)).toBe(file.length)
})
