/** `tributary upgrade`: the sum is checked, the former file is kept, and it is put back if the new one is not ready. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, copyFileSync, existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, executable, isSource } from '../e2e/program.ts'
import { until, within } from '../waiting.ts'
import { openUpstream, readStream, sendAlone, sendRequests } from './load.ts'

const isFull = process.env.TRIBUTARY_TEST_FULL === '1'
const [streams, perSecond] = isFull ? [300, 500] : [10, 20]
const form = isFull ? { parts: 100, everyMs: 100 } : { parts: 30, everyMs: 50 }
const patienceMs = 60_000

const folder = mkdtempSync(join(tmpdir(), 'tributary-upgrade-'))
const installed = join(folder, 'tributary')
const released = join(folder, 'release')
const pids = new Set<number>()

beforeAll(async () => {
  if (isSource) return
  await build()
  copyFileSync(executable, installed)
  await Bun.$`mkdir ${released}`.quiet()
})
afterAll(() => {
  for (const pid of pids) if (isRunning(pid)) process.kill(pid, 'SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
}

/** Starts the installed executable on a free port. */
async function serve(variables: Readonly<Record<string, string>>) {
  const env = { PATH: process.env.PATH ?? '', PORT: '0', LOG_FORMAT: 'json', SHUTDOWN_GRACE: isFull ? '30' : '4' }
  const child = Bun.spawn([installed], {
    cwd: folder,
    env: { ...env, ...variables },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  pids.add(child.pid)
  const url = await within(addressIn(child.stdout), patienceMs, 'the address')
  return { url, pid: child.pid }
}

async function addressIn(output: ReadableStream<Uint8Array>): Promise<string> {
  let text = ''
  const reader = output.getReader()
  for (;;) {
    const { value } = await reader.read()
    text += Buffer.from(value ?? []).toString()
    const url = /"url":"([^"]+)"/.exec(text)?.[1]
    if (url === undefined) continue
    // the output must be read on, or the program would wait for its reader
    void (async () => {
      while (!(await reader.read()).done);
    })().catch(() => undefined)
    return url
  }
}

/** Puts a file beside a list with its sum. @returns its path */
async function release(content: string | Bun.BunFile, name = 'tributary-new'): Promise<string> {
  const path = join(released, name)
  if (typeof content === 'string') await Bun.write(path, content)
  else copyFileSync(content.name ?? '', path)
  chmodSync(path, 0o755)
  await Bun.write(join(released, 'SHA256SUMS'), `${'0'.repeat(64)}  another\n${sumOf(path)}  ${name}\n`)
  return path
}

function sumOf(path: string): string {
  return new Bun.CryptoHasher('sha256').update(readFileSync(path)).digest('hex')
}

async function upgrade(url: string, ...args: readonly string[]) {
  const env = { PATH: process.env.PATH ?? '', PORT: new URL(url).port }
  const child = Bun.spawn([installed, 'upgrade', '--from', ...args], {
    cwd: folder,
    env,
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [code, out, err] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()])
  return { code, said: out + err }
}

const nowhere = 'http://127.0.0.1:9'

describe.skipIf(process.platform !== 'linux' || isSource)('tributary upgrade', () => {
  test('changes nothing if the sum is unknown or wrong, or the file does not run here', async () => {
    const before = statSync(installed).ino
    const path = await release('this is no executable')
    expect(await upgrade(nowhere, path)).toMatchObject({
      code: 1,
      said: expect.stringContaining('does not run on this'),
    })
    expect(await upgrade(nowhere, path, '--sha256', 'a'.repeat(64))).toMatchObject({
      code: 1,
      said: expect.stringContaining('was expected'),
    })
    rmSync(join(released, 'SHA256SUMS'))
    expect(await upgrade(nowhere, path)).toMatchObject({ code: 1, said: expect.stringContaining('--sha256') })
    expect(await upgrade(nowhere, join(folder, 'none'))).toMatchObject({ code: 1 })
    expect(statSync(installed).ino).toBe(before)
    expect([existsSync(`${installed}.new`), existsSync(`${installed}.old`)]).toEqual([false, false])
  })

  test('puts the former file back if the new one does not take over, and its server goes on', async () => {
    const { url, pid } = await serve({})
    const before = sumOf(installed)
    // `TRIBUTARY_TEST_FULL=1` waits until it is too late for it
    const ending = isFull ? 'exec sleep 30' : 'exit 3'
    const path = await release(`#!/bin/sh\n[ "$1" = version ] && echo 9.9.9 && exit\n${ending}\n`)
    const { code, said } = await upgrade(url, path)
    expect(said).toContain(isFull ? 'not ready within 10 seconds' : 'exit code 3')
    expect([code, sumOf(installed)]).toEqual([1, before])
    expect((await sendAlone(`${url}/ready`)).status).toBe('200')
    process.kill(pid, 'SIGTERM')
    await until(() => !isRunning(pid), patienceMs, 'the server has ended')
  }, 90_000)

  test('under load refuses no connection and breaks no stream, keeps the former file, and can go back', async () => {
    await using upstream = openUpstream(form)
    const { url, pid } = await serve({ ...upstream.variables, STATE_DIRECTORY: folder })
    let begun = 0
    const reading = Array.from({ length: streams }, () => readStream(url, form, () => begun++))
    const stopRequests = sendRequests(url, perSecond)
    await until(() => begun === streams, patienceMs, 'every stream has begun')
    const former = statSync(installed).ino

    const { code, said } = await upgrade(url, await release(Bun.file(executable)))
    expect(code, said).toBe(0)
    const successor = Number(/Process (\d+) has taken over/.exec(said)?.[1])
    pids.add(successor)
    expect(readlinkSync(`/proc/${successor}/exe`)).toBe(installed)
    expect([statSync(installed).ino === former, statSync(`${installed}.old`).ino]).toEqual([false, former])

    expect(new Set(await Promise.all(reading))).toEqual(new Set(['whole']))
    const outcomes = await stopRequests()
    expect(Object.keys(outcomes)).toEqual(['200'])
    if (isFull) console.log({ streams, perSecond, outcomes })
    await until(() => !isRunning(pid), patienceMs, 'the former process has ended')

    const back = await upgrade(url, `${installed}.old`)
    expect(back.code, back.said).toBe(0)
    const last = Number(/Process (\d+) has taken over/.exec(back.said)?.[1])
    pids.add(last)
    expect((await sendAlone(`${url}/ready`)).status).toBe('200')
    process.kill(last, 'SIGTERM')
    await until(() => !isRunning(last), patienceMs, 'the last process has ended')
  }, 120_000)
})
