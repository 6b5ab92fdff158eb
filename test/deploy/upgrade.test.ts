/** `tributary upgrade`: the sum is checked, the former file is kept, and it is put back if the new one is not ready. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, executable, isSource } from '../e2e/program.ts'
import { until } from '../waiting.ts'
import { isRunning, serve as startInstalled } from './installed.ts'
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

/** Starts the installed executable on a free port. */
async function serve(variables: Readonly<Record<string, string>>) {
  const server = await startInstalled(installed, { SHUTDOWN_GRACE: isFull ? '30' : '4', ...variables })
  pids.add(server.pid)
  return server
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

/** Lets a script go on that reads from a pipe with a name. It waits for the script, which Bun's own write does not. */
async function openGate(path: string): Promise<void> {
  await Bun.spawn(['sh', '-c', 'echo open > "$0"', path]).exited
}

/** Releases this version with another sum: the last byte of `e_ident` has no meaning. elf(5) */
async function releaseOther(): Promise<string> {
  const path = join(folder, 'other')
  copyFileSync(executable, path)
  const descriptor = openSync(path, 'r+')
  writeSync(descriptor, Buffer.from([1]), 0, 1, 15)
  closeSync(descriptor)
  return await release(Bun.file(path))
}

function sumOf(path: string): string {
  return new Bun.CryptoHasher('sha256').update(readFileSync(path)).digest('hex')
}

/** A program that prints a version, and does something else when it is started without arguments. */
const scriptOf = (serving: string, checking = 'echo 9.9.9') =>
  `#!/bin/sh\n[ "$1" = version ] && { ${checking}; exit; }\n${serving}\n`

async function upgrade(url: string, ...args: readonly string[]) {
  return await startUpgrade(url, ...args).ended
}

function startUpgrade(url: string, ...args: readonly string[]) {
  const env = { PATH: process.env.PATH ?? '', PORT: new URL(url).port }
  const child = Bun.spawn([installed, 'upgrade', '--from', ...args], {
    cwd: folder,
    env,
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const ended = Promise.all([child.exited, child.stdout.text(), child.stderr.text()]).then(([code, out, err]) => ({
    code,
    said: out + err,
  }))
  return { child, ended }
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
    expect(readdirSync(folder).sort()).toEqual(['release', 'tributary'])
  })

  test('changes nothing if the file is another program, whatever that one does', async () => {
    const before = statSync(installed).ino
    for (const script of ['exec yes', 'exec true', 'sleep 60 & echo hello']) {
      const path = await release(scriptOf('exit 3', script))
      expect(await upgrade(nowhere, path)).toMatchObject({ code: 1, said: expect.stringContaining('another program') })
    }
    expect(statSync(installed).ino).toBe(before)
    expect(readdirSync(folder).sort()).toEqual(['release', 'tributary'])
  })

  test('changes nothing if another program has the port', async () => {
    const path = await release(scriptOf('exit 3'))
    using other = Bun.serve({ port: 0, fetch: () => Response.json({}) })
    expect(await upgrade(`http://127.0.0.1:${other.port}`, path)).toMatchObject({
      code: 1,
      said: expect.stringContaining('is not tributary'),
    })
    expect(readdirSync(folder).sort()).toEqual(['release', 'tributary'])
  })

  test('leaves alone a file with the name of the copy that it checks, and does not replace a file by itself', async () => {
    for (const name of [`${installed}.new`, `${installed}.upgrade-draft`]) {
      writeFileSync(name, 'a download')
      await upgrade(nowhere, name, '--sha256', 'a'.repeat(64))
      expect(readFileSync(name, 'utf8')).toBe('a download')
      rmSync(name)
    }
    expect(await upgrade(nowhere, installed, '--sha256', sumOf(installed))).toMatchObject({
      code: 0,
      said: expect.stringContaining('this file already'),
    })
    expect(readdirSync(folder).sort()).toEqual(['release', 'tributary'])
  })

  test('does not run twice at the same time', async () => {
    const path = await release(scriptOf('exit 3', 'read -r _ < release/gate; exit 1'))
    await Bun.$`mkfifo ${join(released, 'gate')}`.quiet()
    const first = startUpgrade(nowhere, path)
    await until(() => existsSync(`${installed}.upgrade-draft`), patienceMs, 'the first one checks its copy')
    const draft = statSync(`${installed}.upgrade-draft`).ino
    expect(await upgrade(nowhere, path)).toMatchObject({ code: 1, said: expect.stringContaining('is running') })
    expect(statSync(`${installed}.upgrade-draft`).ino).toBe(draft)
    await openGate(join(released, 'gate'))
    expect(await first.ended).toMatchObject({ code: 1, said: expect.stringContaining('Nothing was changed') })
  })

  test('cannot be interrupted between the replacement of the file and the judgement of the server', async () => {
    const { url, pid } = await serve({})
    const before = statSync(installed).ino
    const gate = join(released, 'judged')
    await Bun.$`mkfifo ${gate}`.quiet()
    const { child, ended } = startUpgrade(url, await release(scriptOf(`read -r _ < ${gate}; exit 3`)))
    await until(() => statSync(installed).ino !== before, patienceMs, 'the file is replaced')
    child.kill('SIGINT')
    child.kill('SIGTERM')
    await openGate(gate)
    const { code, said } = await ended
    expect(said).toContain('exit code 3')
    expect([code, statSync(installed).ino]).toEqual([1, before])
    process.kill(pid, 'SIGTERM')
    await until(() => !isRunning(pid), patienceMs, 'the server has ended')
  })

  test.skipIf(!isFull)(
    'puts the former file back if the server dies in the middle',
    async () => {
      const { url } = await serve({})
      const before = sumOf(installed)
      const { code, said } = await upgrade(url, await release(scriptOf('kill -9 $PPID')))
      expect(said).toContain('Start the service again')
      expect([code, sumOf(installed)]).toEqual([1, before])
    },
    90_000,
  )

  test('puts the former file back if the new one does not take over, and its server goes on', async () => {
    const { url, pid } = await serve({})
    const before = sumOf(installed)
    // `TRIBUTARY_TEST_FULL=1` waits until it is too late for it
    const ending = isFull ? 'exec sleep 30' : 'exit 3'
    const path = await release(scriptOf(ending))
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

    const { code, said } = await upgrade(url, await releaseOther())
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
