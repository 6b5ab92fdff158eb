import { heapStats } from 'bun:jsc'

/** This file is preloaded into a child, which then collects all its garbage on SIGUSR2. Tests of memory need that. */
process.on('SIGUSR2', () => {
  Bun.gc(true)
  const { heapSize } = heapStats()
  process.stdout.write(`${JSON.stringify({ msg: 'collected', heapSize })}\n`)
})
