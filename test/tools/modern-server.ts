import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { modernServer } from './modern-tools.ts'

// A child process: the library's server of the revision 2026-07-28 over stdio, which knows no older one. Its argument is the
// number of milliseconds that its start takes.

await Bun.sleep(Number(process.argv[2] ?? 0))

const memory = { lists: 0, cancelled: 0, hasGrown: false, changed: () => undefined }
serveStdio(modernServer(memory), { legacy: 'reject' })
