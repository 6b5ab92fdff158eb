import { readdirSync } from 'node:fs'
import { Secret } from '../../src/chat/secret.ts'
import { cancelIn } from '../../src/wire/machine.double.ts'
import { each } from '../waiting.ts'
import { open, stdioServer } from './servers.ts'

// A small gateway as a child process. `holder.ts hold MARK` connects two servers that do not exit by themselves, prints a line, and
// waits. `holder.ts cycles COUNT SERVER`, with a URL and `http` or `sse`, or with `stdio`, connects, calls and closes COUNT times. It
// prints the number of open files before and after, and ends by itself if nothing is left.

const [, , task, ...rest] = process.argv

if (task === 'hold') {
  const [mark = ''] = rest
  const deaf = (name: string) => stdioServer(name, 'raw-server.ts', ['deaf'], { MARK: mark })
  const tools = open([deaf('one'), deaf('two')])
  const names = [...(await tools.registry.list(cancelIn(10_000)))].map(({ name }) => name)
  process.stdout.write(`${names.length}\n`)
  process.on('SIGUSR2', () => process.exit(1))
  setInterval(() => undefined, 1_000)
}

if (task === 'cycles') {
  const [count = '0', transport, url = ''] = rest
  const config =
    transport === 'http' || transport === 'sse'
      ? ({ name: 'cycled', transport, url: new Secret(url), headers: {} } as const)
      : stdioServer('cycled', 'raw-server.ts', [''], { MARK: url })
  const cycle = async () => {
    await using tools = open([config])
    const { content } = await tools.run('echo', { text: 'x' })
    if (!/x|ran echo/.test(content)) throw new Error(content)
  }
  const openFiles = () => readdirSync('/proc/self/fd').length
  await each(Array.from({ length: 8 }), 4, cycle)
  const before = openFiles()
  await each(Array.from({ length: Number(count) }), 4, cycle)
  // a keep-alive connection closes when the server closes it
  process.stdout.write(`${JSON.stringify({ before, after: openFiles() })}\n`)
}
