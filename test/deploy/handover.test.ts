/** What goes wrong while one process takes over from another: a signal, a death, a second restart. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, executable, isSource } from '../e2e/program.ts'
import { until } from '../waiting.ts'
import { isRunning, serve } from './installed.ts'
import { openUpstream, readStream, sendAlone } from './load.ts'

const patienceMs = 60_000
const form = { parts: 40, everyMs: 50 }
const folder = mkdtempSync(join(tmpdir(), 'tributary-handover-'))
const installed = join(folder, 'tributary')
const pids = new Set<number>()

beforeAll(async () => {
  if (isSource) return
  await build()
  copyFileSync(executable, installed)
})
afterAll(() => {
  for (const pid of pids) if (isRunning(pid)) process.kill(pid, 'SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

async function start(variables: Readonly<Record<string, string>> = {}) {
  const server = await serve(installed, variables)
  pids.add(server.pid)
  return server
}

interface Restarted {
  readonly pid: number
  readonly error?: { readonly code: string; readonly message: string }
}

async function restart(url: string): Promise<Restarted> {
  const { text } = await sendAlone(`${url}/admin/restart`, '{}')
  const restarted: Restarted = JSON.parse(text)
  if (restarted.pid) pids.add(restarted.pid)
  return restarted
}

/** Puts a script in the place of the executable while `use` runs. */
async function withScript<T>(script: string, use: () => Promise<T>): Promise<T> {
  const kept = `${installed}.kept`
  renameSync(installed, kept)
  writeFileSync(installed, script)
  chmodSync(installed, 0o755)
  try {
    return await use()
  } finally {
    renameSync(kept, installed)
  }
}

/** Waits for the process that a server has started. */
async function childOf(pid: number): Promise<number> {
  let child = 0
  await until(
    () => {
      child = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0])
      return child > 0
    },
    patienceMs,
    `a child of ${pid}`,
  )
  pids.add(child)
  return child
}

async function stop(pid: number): Promise<void> {
  process.kill(pid, 'SIGTERM')
  await until(() => !isRunning(pid), patienceMs, `process ${pid} has ended`)
}

/** Asks 20 times on connections of their own for what a process that leaves the port refuses. */
async function changeOften(url: string): Promise<ReadonlySet<string>> {
  const answers = await Promise.all(Array.from({ length: 20 }, () => sendAlone(`${url}/admin/reload`, '{}')))
  return new Set(answers.map(({ status }) => status))
}

describe.skipIf(process.platform !== 'linux' || isSource)('a handover', () => {
  test('can follow another one at once, while the first process still has a stream', async () => {
    await using upstream = openUpstream(form)
    const { url, pid } = await start({ ...upstream.variables, SHUTDOWN_GRACE: '3' })
    const begun = Promise.withResolvers<void>()
    const reading = readStream(url, form, begun.resolve)
    await begun.promise
    const first = await restart(url)
    const second = await restart(url)
    expect(second.error).toBeUndefined()
    expect(await changeOften(url)).toEqual(new Set(['200']))
    expect(await reading).toBe('whole')
    await until(() => !isRunning(pid) && !isRunning(first.pid), patienceMs, 'both former processes have ended')
    expect(await changeOften(url)).toEqual(new Set(['200']))
    await stop(second.pid)
  }, 90_000)

  test('is taken back if the new process dies while the former one is there', async () => {
    await using upstream = openUpstream(form)
    const { url, pid } = await start({ ...upstream.variables, SHUTDOWN_GRACE: '3' })
    const begun = Promise.withResolvers<void>()
    const reading = readStream(url, form, begun.resolve)
    await begun.promise
    const first = await restart(url)
    process.kill(first.pid, 'SIGKILL')
    await until(async () => (await sendAlone(`${url}/admin/reload`, '{}')).status === '200', patienceMs, 'it is back')
    expect(await reading).toBe('whole')
    const second = await restart(url)
    expect(second.error).toBeUndefined()
    await until(() => !isRunning(pid), patienceMs, 'the former process has ended')
    expect(await changeOften(url)).toEqual(new Set(['200']))
    await stop(second.pid)
  }, 90_000)

  test('ends with the process that is stopped meanwhile', async () => {
    const { pid } = await start()
    const child = await withScript('#!/bin/sh\nexec sleep 60\n', async () => {
      process.kill(pid, 'SIGUSR2')
      const started = await childOf(pid)
      // the shell has read its script then
      await until(() => readFileSync(`/proc/${started}/comm`, 'utf8') === 'sleep\n', patienceMs, 'the script runs')
      return started
    })
    process.kill(pid, 'SIGTERM')
    await until(() => !isRunning(pid), patienceMs, 'the server has ended')
    await until(() => !isRunning(child), patienceMs, 'the new process has ended')
  })

  test('ends the new process if the former one is killed before they have met', async () => {
    const { pid } = await start()
    process.kill(pid, 'SIGUSR2')
    const child = await childOf(pid)
    process.kill(child, 'SIGSTOP')
    process.kill(pid, 'SIGKILL')
    process.kill(child, 'SIGCONT')
    await until(() => !isRunning(child), patienceMs, 'the new process has ended')
    expect(existsSync(`/proc/${pid}/exe`)).toBe(false)
  })
})
