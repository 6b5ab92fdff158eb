import { afterAll, expect, test } from 'bun:test'
import {
  appendFileSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../../test/waiting.ts'
import { nextTurn } from '../flow/next-turn.ts'
import { machine } from '../wire/machine.double.ts'
import { LineWriter } from './line-writer.ts'
import { LogFile } from './log-file.ts'
import { rotatedFiles } from './rotated-files.ts'

const root = mkdtempSync(join(tmpdir(), 'tributary-log-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let folders = 0

interface Options {
  readonly maxBytes?: number
  readonly keepFiles?: number
  readonly keepMs?: number
  readonly now?: () => number
  readonly before?: (path: string) => void
}

function setUp({ maxBytes = 10_000, keepFiles = 1_000, keepMs = 1e12, now = machine.now, before }: Options = {}) {
  const folder = join(root, String(folders++))
  Bun.spawnSync(['mkdir', folder])
  const path = join(folder, 'a.log')
  before?.(path)
  const problems: unknown[] = []
  const file = new LogFile({
    ...{ path, maxBytes, maxAgeMs: 1_000_000, keepFiles, keepMs, isShared: false },
    runtime: { now, elapsed: () => machine.elapsed(), timers: machine.timers },
    onProblem: (thrown) => problems.push(thrown),
  })
  const write = async (text: string) => {
    file.write(text)
    await file.flush()
  }
  const read = () => readFileSync(path, 'utf8')
  const all = async () => [...(await rotatedFiles(path)), path].map((name) => readFileSync(name, 'utf8'))
  return { folder, path, file, problems, write, read, all, [Symbol.dispose]: () => void file.close() }
}

test('lines are kept in order over all files, and no file is longer than its limit', async () => {
  using log = setUp()
  const lines = Array.from({ length: 2_000 }, (_, at) => `${at} ${'x'.repeat(at % 50)}\n`)
  for (let at = 0; at < lines.length; at += 37) await log.write(lines.slice(at, at + 37).join(''))
  const files = await log.all()
  expect(files.join('')).toBe(lines.join(''))
  expect(files.length).toBeGreaterThan(5)
  for (const file of files) expect([file.length <= 10_000, file.endsWith('\n')]).toEqual([true, true])
  expect(statSync(log.path).mode & 0o777).toBe(0o640 & ~process.umask())
})

test('more text than a file may have becomes several files, and a line that is too long has its own', async () => {
  using log = setUp()
  const long = `${'y'.repeat(30_000)}\n`
  const text = `${'a line\n'.repeat(5_000)}${long}b\n`
  await log.write(text)
  const files = await log.all()
  expect(files.join('')).toBe(text)
  expect(files).toContain(long)
})

test('only the newest of the old files are kept', async () => {
  using log = setUp({ keepFiles: 2 })
  for (const digit of '123456') await log.write(`${digit.repeat(6_000)}\n`)
  expect((await log.all()).map((text) => text[0])).toEqual(['4', '5', '6'])
  expect(readdirSync(log.folder)).toHaveLength(3)
})

test('a file whose last line is too old is removed when the next one is set aside', async () => {
  let now = Date.now()
  using log = setUp({ now: () => now, keepMs: 5_000_000 })
  await log.write('one\n')
  utimesSync(log.path, new Date(0), new Date(0))
  now += 2_000_000
  await log.write('two\n')
  now += 2_000_000
  await log.write('three\n')
  expect(await log.all()).toEqual(['two\n', 'three\n'])
})

test('a file that is old is set aside, also one of a process that ran before', async () => {
  let now = Date.now()
  using log = setUp({ now: () => now, before: (path) => writeFileSync(path, 'before\n') })
  await log.write('same\n')
  now += 1_100_000
  await log.write('next\n')
  expect(await log.all()).toEqual(['before\nsame\n', 'next\n'])
})

test('after another program has moved the file, lines go to a new one: at once if it is told, and soon if not', async () => {
  using log = setUp()
  await log.write('one\n')
  renameSync(log.path, `${log.path}.1`)
  log.file.reopen()
  await log.write('two\n')
  expect([readFileSync(`${log.path}.1`, 'utf8'), log.read()]).toEqual(['one\n', 'two\n'])
  renameSync(log.path, `${log.path}.2`)
  await until(
    async () => {
      await log.write('three\n')
      return Bun.file(log.path).exists()
    },
    10_000,
    'a new file',
  )
  expect(readFileSync(`${log.path}.2`, 'utf8') + log.read()).toMatch(/^two\n(three\n)+$/)
})

test('half a line that a killed process has left is ended, so that it tears no other', async () => {
  using log = setUp({ before: (path) => writeFileSync(path, 'whole\nhal') })
  await log.write('mine\n')
  await log.write('next\n')
  expect(log.read()).toBe('whole\nhal\nmine\nnext\n')
})

test('lines of another process in the same file count for its length', async () => {
  using log = setUp()
  await log.write('mine\n')
  appendFileSync(log.path, `${'z'.repeat(9_990)}\n`)
  await until(
    async () => {
      await log.write('m\n')
      return (await log.all()).length > 1
    },
    10_000,
    'another file',
  )
  expect((await log.all())[0]).toStartWith('mine\n')
})

test('lines that the disk does not take wait, and are written when it does; the failure is told once', async () => {
  using log = setUp({ before: (path) => symlinkSync('/dev/full', path) })
  log.file.write('one\n')
  const written = log.file.flush()
  await until(() => log.problems.length > 0, 10_000, 'a failure')
  log.file.write('two\n')
  rmSync(log.path)
  await written
  expect(log.read()).toBe('one\ntwo\n')
  expect(log.problems).toEqual([expect.objectContaining({ code: 'ENOSPC' })])
})

test('a disk that takes nothing stops nobody; what waits is bounded, and dropped lines are counted', async () => {
  // a pipe whose reader sleeps blocks a write as a stuck disk does
  let reader = 0
  const log = setUp({
    before: (path) => {
      Bun.spawnSync(['mkfifo', path])
      reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    },
  })
  const dropped: number[] = []
  const lines = new LineWriter(log.file, (count) => dropped.push(count))
  const line = `${'x'.repeat(999)}\n`
  for (let at = 0; at < 5_000; at++) {
    lines.write(line)
    if (at % 50 === 0) await nextTurn()
  }
  // at most a mebibyte is being written, another one waits, and the pipe has some
  expect(lines.dropped).toBeGreaterThan(2_700)
  let isDrained = false
  void lines.drain().then(() => {
    isDrained = true
  })
  let read = ''
  await until(
    () => {
      read += readAvailable(reader)
      return isDrained
    },
    20_000,
    'all is read',
  )
  read += readAvailable(reader)
  expect(read).toBe(line.repeat(5_000 - lines.dropped))
  expect(dropped).toEqual([lines.dropped])
  await log.file.close()
})

function readAvailable(reader: number): string {
  const bytes = Buffer.alloc(1024 * 1024)
  try {
    return bytes.toString('latin1', 0, readSync(reader, bytes, 0, bytes.length, null))
  } catch {
    return '' // nothing is there yet
  }
}

test('the last lines of a process do not end half a line that another one has left', () => {
  using log = setUp({ before: (path) => writeFileSync(path, 'half a li') })
  log.file.write('one\n')
  log.file.finish()
  expect(log.read()).toBe('half a li\none\n')
})

test('a link stays, and the files that are set aside are where it leads', async () => {
  const place = mkdtempSync(join(root, 'linked-'))
  using log = setUp({ maxBytes: 10, before: (path) => symlinkSync(join(place, 'b.log'), path) })
  for (const line of ['first\n', 'second\n', 'third\n']) await log.write(line)
  expect(realpathSync(log.path)).toBe(join(realpathSync(place), 'b.log'))
  expect(readdirSync(log.folder)).toEqual(['a.log'])
  expect(await log.all()).toEqual(['first\n', 'second\n', 'third\n'])
})

test('lines wait while the folder of the file is gone', async () => {
  using log = setUp()
  await log.write('one\n')
  rmSync(log.folder, { recursive: true })
  log.file.reopen()
  log.file.write('two\n')
  const written = log.file.flush()
  await until(() => log.problems.length > 0, 10_000, 'a failure')
  mkdirSync(log.folder)
  await written
  expect(log.read()).toBe('two\n')
})

test('what waits is in the file before a process ends, also by a crash', async () => {
  for (const end of ['process.exit(3)', 'throw new Error("crash")']) {
    const folder = mkdtempSync(join(root, 'crash-'))
    const code = `
      const { LineWriter } = await import(${JSON.stringify(`${import.meta.dir}/line-writer.ts`)})
      const { LogFile } = await import(${JSON.stringify(`${import.meta.dir}/log-file.ts`)})
      const { openMachine } = await import(${JSON.stringify(`${import.meta.dir}/../wire/machine.ts`)})
      const file = new LogFile({ path: 'a.log', maxBytes: 1e9, maxAgeMs: 1e9, keepFiles: 1, keepMs: 1e12, isShared: false, runtime: openMachine(), onProblem() {} })
      const lines = new LineWriter(file, () => undefined)
      process.on('exit', () => lines.finish())
      for (let at = 0; at < 3000; at++) {
        lines.write(at + ' ' + 'x'.repeat(90) + '\\n')
        if (at % 700 === 0) await 0
      }
      ${end}`
    await Bun.spawn([process.execPath, '-e', code], { cwd: folder, stdout: 'ignore', stderr: 'ignore' }).exited
    const numbers = readFileSync(join(folder, 'a.log'), 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[0])
    expect(numbers, end).toEqual([...Array(3000).keys(), ''].map(String))
  }
})
