import { connect, type Socket } from 'node:net'

/** Number of connections that are opened before each check. */
const atOnce = 128
/** Checks, one millisecond apart, after which an open connection will not be accepted. A loopback accepts at once. */
const looks = 100

/**
 * Opens a port whose process is stopped and whose queue is full. It drops every further SYN, as a black hole does. Bun chooses
 * the backlog itself, so the queue is filled until a connection is not accepted.
 */
export async function openBlackHole(): Promise<AsyncDisposable & { readonly origin: string }> {
  const listener = `require('node:net').createServer().listen({ port: 0, host: '127.0.0.1' },
    function () { console.log(this.address().port) })`
  const child = Bun.spawn([process.execPath, '-e', listener], { stdout: 'pipe' })
  const { value } = await child.stdout.getReader().read()
  const port = Number(new TextDecoder().decode(value))
  child.kill('SIGSTOP')
  const queued: Socket[] = []
  let taken = 0
  while (taken === queued.length) {
    for (let at = 0; at < atOnce; at++) {
      const socket = connect({ host: '127.0.0.1', port }, () => taken++)
      socket.on('error', () => undefined)
      queued.push(socket)
    }
    for (let look = 0; taken < queued.length && look < looks; look++) await Bun.sleep(1)
  }
  return {
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of queued) socket.destroy()
      child.kill('SIGKILL')
      await child.exited
    },
  }
}
