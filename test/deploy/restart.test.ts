/**
 * A restart under load: no connection is refused and no stream breaks. `TRIBUTARY_TEST_FULL=1` uses the numbers that are
 * promised: 300 streams and 500 requests a second.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { build, emptyFolder, isSource, start } from '../e2e/program.ts'
import { until } from '../waiting.ts'
import { openUpstream, readStream, sendAlone, sendRequests } from './load.ts'
import { notifySocket } from './notify-socket.ts'

const isFull = process.env.TRIBUTARY_TEST_FULL === '1'
const [streams, perSecond] = isFull ? [300, 500] : [20, 50]
const form = isFull ? { parts: 100, everyMs: 100 } : { parts: 40, everyMs: 50 }
const patienceMs = 60_000

beforeAll(build)

/** The processes that were not started by a test itself. */
const successors = new Set<number>()
afterAll(() => {
  for (const pid of successors) if (isRunning(pid)) process.kill(pid, 'SIGKILL')
})

interface Restarted {
  readonly pid: number
  readonly executable: string
  readonly error?: { readonly code: string; readonly message: string }
}

async function restart(url: string): Promise<Restarted> {
  const { status, text } = await sendAlone(`${url}/admin/restart`, '{}')
  const restarted: Restarted = JSON.parse(text)
  if (status === '200') successors.add(restarted.pid)
  return restarted
}

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
}

async function stop(pid: number): Promise<void> {
  process.kill(pid, 'SIGTERM')
  await until(() => !isRunning(pid), patienceMs, `process ${pid} has ended`)
}

describe.skipIf(process.platform !== 'linux')('a restart', () => {
  test('under load refuses no connection and breaks no stream, and the state goes with it', async () => {
    await using folder = await emptyFolder()
    await using upstream = openUpstream(form)
    using manager = notifySocket(`${folder.path}/notify`)
    const variables = {
      ...upstream.variables,
      STATE_DIRECTORY: folder.path,
      NOTIFY_SOCKET: manager.path,
      SHUTDOWN_GRACE: isFull ? '30' : '4',
    }
    await using gateway = await start(variables)
    expect(await manager.next()).toBe('READY=1')
    let begun = 0
    const reading = Array.from({ length: streams }, () => readStream(gateway.url, form, () => begun++))
    const stopRequests = sendRequests(gateway.url, perSecond)
    await until(() => begun === streams, patienceMs, 'every stream has begun')

    const first = await restart(gateway.url)
    expect(first.executable).toContain(isSource ? 'bun' : 'tributary')
    expect(await manager.next()).toBe(`MAINPID=${first.pid}`)

    expect(new Set(await Promise.all(reading))).toEqual(new Set(['whole']))
    const outcomes = await stopRequests()
    expect(Object.keys(outcomes)).toEqual(['200'])
    if (isFull) console.log({ streams, perSecond, outcomes })
    await until(() => !isRunning(gateway.pid), patienceMs, 'the former process has ended')

    // the second restart is of a process that took over itself
    const second = await restart(gateway.url)
    expect(second.pid).not.toBe(first.pid)
    await until(() => !isRunning(first.pid), patienceMs, 'the first successor has ended')
    // both processes have counted in one state
    const { text } = await sendAlone(`${gateway.url}/admin/usage`)
    const usage: { total: { requests: number } } = JSON.parse(text)
    expect(usage.total.requests).toBe(streams + (outcomes['200'] ?? 0))
    await stop(second.pid)
    expect([await manager.next(), await manager.next()]).toEqual([`MAINPID=${second.pid}`, 'STOPPING=1'])
  }, 120_000)

  test('that fails changes nothing: the former process goes on, and says why', async () => {
    await using folder = await emptyFolder()
    await Bun.write(`${folder.path}/.env`, 'LOG_LEVEL=info\n')
    await using gateway = await start({ SHUTDOWN_GRACE: '2' }, { cwd: folder.path })
    await Bun.write(`${folder.path}/.env`, 'LOG_LEVEL=unknown\n')
    const { error } = await restart(gateway.url)
    expect(error).toMatchObject({ code: 'restart_failed', message: expect.stringContaining('exit code 78') })
    const answers = await Promise.all(Array.from({ length: 20 }, () => sendAlone(`${gateway.url}/ready`)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(['200']))
    expect(isRunning(gateway.pid)).toBe(true)
    // it can be tried again
    await Bun.write(`${folder.path}/.env`, 'LOG_LEVEL=info\n')
    const { pid } = await restart(gateway.url)
    await until(() => !isRunning(gateway.pid), patienceMs, 'the former process has ended')
    await stop(pid)
  })

  test('does not let another program have the port', async () => {
    await using gateway = await start()
    await expect(start({ PORT: new URL(gateway.url).port })).rejects.toThrow('another program uses this port')
  })
})
