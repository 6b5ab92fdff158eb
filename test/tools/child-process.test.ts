import { describe, expect, test } from 'bun:test'
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startGroup } from '../../src/tools/child-process.ts'
import { cancelIn, machine } from '../../src/wire/machine.double.ts'
import { times } from '../sizes.ts'
import { until, within } from '../waiting.ts'
import { open, path, startHttpServer, stdioServer } from './servers.ts'

/** Milliseconds after which a wait is a hang, also on a busy machine. */
const patienceMs = 30_000

/** Lists the processes with this mark in their environment, and their children. */
function marked(mark: string): string[] {
  return readdirSync('/proc').filter((entry) => {
    try {
      return /^\d+$/.test(entry) && readFileSync(`/proc/${entry}/environ`, 'latin1').includes(`MARK=${mark}`)
    } catch {
      return false
    }
  })
}

const holder = join(import.meta.dir, 'holder.ts')
const run = (...args: string[]) =>
  Bun.spawn([process.execPath, holder, ...args], { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit', env: path })

/** Starts a gateway with two servers. Each ignores the end of its input and SIGTERM, and has a child. */
async function hold(mark: string) {
  const gateway = run('hold', mark)
  const output = gateway.stdout.getReader()
  const decoder = new TextDecoder()
  let said = ''
  while (!said.endsWith('\n')) said += decoder.decode((await output.read()).value, { stream: true })
  expect(said.trim()).toBe('11')
  // each server has a child, and a shell that watches over both
  await until(() => marked(mark).length === 6, patienceMs, 'the servers and their children run')
  return gateway
}

describe('the servers of a gateway end with it', () => {
  for (const [how, signal] of [
    ['if it is killed', 'SIGKILL'],
    ['if it ends without closing them', 'SIGUSR2'],
  ] as const)
    test(how, async () => {
      const mark = randomUUID()
      const gateway = await hold(mark)
      gateway.kill(signal)
      await gateway.exited
      await until(() => marked(mark).length === 0, patienceMs, 'all of them are gone')
    })
})

test('a server that ignores every request to stop is killed, with its children', async () => {
  const mark = randomUUID()
  const tools = open([stdioServer('deaf', 'raw-server.ts', ['deaf'], { MARK: mark })])
  await tools.list()
  await until(() => marked(mark).length === 3, patienceMs, 'the server and its child run')
  await within(tools.registry.close(), patienceMs, 'the close')
  await until(() => marked(mark).length === 0, patienceMs, 'all of them are gone')
})

test('a server that exits by itself leaves no child behind, and does not affect other servers', async () => {
  const [mark, other] = [randomUUID(), randomUUID()]
  await using tools = open([
    stdioServer('one', 'sdk-server.ts', ['stdio'], { MARK: mark }),
    stdioServer('other', 'sdk-server.ts', ['stdio'], { MARK: other }),
  ])
  await tools.list('other')
  const crash = (await tools.list('one')).get('crash')
  const [own, others] = [marked(mark), marked(other)]
  expect([own.length, others.length]).toEqual([2, 2])
  await crash?.run({}, { signal: cancelIn(patienceMs), onChunk: () => undefined })
  // the server may be started again meanwhile
  await until(() => !marked(mark).some((process) => own.includes(process)), patienceMs, 'all of it is gone')
  expect(marked(other)).toEqual(others)
})

test('a server that has closed its output is stopped, and its call fails', async () => {
  const mark = randomUUID()
  await using tools = open([stdioServer('bad', 'raw-server.ts', [''], { MARK: mark })])
  await tools.list()
  const first = marked(mark)
  expect(first.length).toBeGreaterThan(0)
  expect(await within(tools.run('mute'), patienceMs, 'the outcome')).toMatchObject({ isError: true })
  // another one may have been started already
  await until(() => !marked(mark).some((id) => first.includes(id)), patienceMs, 'it is gone')
})

test('a server that the gateway disconnects is killed at once', async () => {
  const mark = randomUUID()
  await using tools = open([stdioServer('bad', 'raw-server.ts', ['cyclic'], { MARK: mark })])
  await tools.list()
  await until(() => marked(mark).length === 0, patienceMs, 'it is gone')
})

test('a command gets its arguments unchanged, because no shell reads them', async () => {
  const args = ['-c', 'printf "%s|" "$@"', 'sh', '$HOME', '`id`', '; exit 1', "it's", 'a  b', '*', '--']
  const group = startGroup({ name: 'a', transport: 'stdio', command: '/bin/sh', args, environment: {} }, machine)
  expect(await new Response(group.stdout).text()).toBe(`${args.slice(3).join('|')}|`)
  expect(await group.exited).toBe(0)
  await group.end()
})

describe('many connections, each with a call, leave nothing behind:', () => {
  const count = times(12, 1_000)

  /** The child ends by itself, which proves that no timer, socket or process is left. */
  async function cycles(...args: string[]): Promise<void> {
    const child = run('cycles', String(count), ...args)
    const said = await within(new Response(child.stdout).text(), count * 2_000, 'the cycles')
    expect(await within(child.exited, patienceMs, 'the end')).toBe(0)
    const { before, after } = JSON.parse(said)
    expect(after - before).toBeLessThan(8)
  }

  test('over stdio', async () => {
    const mark = randomUUID()
    await cycles('stdio', mark)
    // a process that has just been killed is listed for a moment
    await until(() => marked(mark).length === 0, patienceMs, 'no process is left')
  }, 240_000)

  for (const transport of ['http', 'sse'] as const)
    test(`over ${transport}`, async () => {
      await using server = await startHttpServer('cycled', transport)
      await cycles(transport, server.config.url.reveal())
      for (let looks = 0; server.seen().sessions > 0; looks++) if (looks > 2_000) throw new Error('a session is left')
    }, 240_000)
})
