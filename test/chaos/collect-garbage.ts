import { heapStats } from 'bun:jsc'

/** This file is preloaded into a child, which then collects all its garbage on SIGWINCH. Tests of memory need that. */
process.on('SIGWINCH', () => {
  Bun.gc(true)
  const { heapSize } = heapStats()
  process.stdout.write(`${JSON.stringify({ msg: 'collected', heapSize })}\n`)
})
