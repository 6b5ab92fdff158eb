import { expect, test } from 'bun:test'

const mib = 1024 ** 2

// other tests of this process free memory meanwhile, so it is measured in one of its own
test('the memory of the process grows with what it holds, and has a limit', async () => {
  const script = `
    import { openMemory } from ${JSON.stringify(Bun.fileURLToPath(import.meta.resolve('./machine-memory.ts')))}
    const memory = openMemory()
    const before = memory()
    const held = Buffer.alloc(${64 * mib}, 1)
    process.stdout.write(JSON.stringify({ before, after: memory(), held: held.length }))
  `
  const child = Bun.spawn([process.execPath, '-e', script], { stderr: 'inherit' })
  const { before, after, held } = JSON.parse(await child.stdout.text())
  expect(after.usedBytes - before.usedBytes).toBeGreaterThan(32 * mib)
  expect(after.limitBytes).toBeGreaterThan(after.usedBytes)
  expect(held).toBe(64 * mib)
})

test('without a free descriptor the last measurement counts', async () => {
  const script = `
    import { openSync } from 'node:fs'
    import { openMemory } from ${JSON.stringify(Bun.fileURLToPath(import.meta.resolve('./machine-memory.ts')))}
    const memory = openMemory()
    const { usedBytes } = memory()
    const takeAll = () => { for (;;) openSync('/dev/null', 'r') }
    try { takeAll() } catch {}
    process.stdout.write(String(memory().usedBytes === usedBytes))
  `
  const child = Bun.spawn(['sh', '-c', 'ulimit -n 64; exec "$0" -e "$1"', process.execPath, script], {
    stderr: 'inherit',
  })
  expect(await child.stdout.text()).toBe('true')
  expect(await child.exited).toBe(0)
})
