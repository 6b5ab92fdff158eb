import { heapStats } from 'bun:jsc'

/** Preloaded into a child: SIGUSR2 makes it collect all its garbage, since a test of memory cannot wait until it likes to. */
process.on('SIGUSR2', () => {
  Bun.gc(true)
  const { heapSize } = heapStats()
  process.stdout.write(`${JSON.stringify({ msg: 'collected', heapSize })}\n`)
})
