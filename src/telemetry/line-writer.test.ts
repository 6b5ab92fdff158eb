import { describe, expect, test } from 'bun:test'
import { nextTurn } from '../flow/next-turn.ts'
import { LineWriter } from './line-writer.ts'

/** An output whose reader takes everything at once, unless it is stuck. */
class Output {
  readonly writes: string[] = []
  #taken: PromiseWithResolvers<void> | undefined

  get text(): string {
    return this.writes.join('')
  }

  stick(): void {
    this.#taken = Promise.withResolvers()
  }

  take(): void {
    this.#taken?.resolve()
    this.#taken = undefined
  }

  write(text: string): void {
    this.writes.push(text)
  }

  flush(): unknown {
    return this.#taken?.promise
  }
}

function setUp() {
  const output = new Output()
  const dropped: number[] = []
  return { output, dropped, lines: new LineWriter(output, (count) => dropped.push(count)) }
}

test('the lines of a turn are written together and in order', async () => {
  const { output, lines } = setUp()
  for (const line of ['a\n', 'b\n', 'c\n']) lines.write(line)
  expect(output.writes).toEqual([])
  await nextTurn()
  lines.write('d\n')
  await nextTurn()
  expect(output.writes).toEqual(['a\nb\nc\n', 'd\n'])
})

test('a turn with very many lines does not collect them all', () => {
  const { output, lines } = setUp()
  const line = `${'x'.repeat(999)}\n`
  for (let count = 0; count < 1_000; count++) lines.write(line)
  expect(output.text.length).toBeGreaterThan(900_000)
})

test('flush writes what waits, once', async () => {
  const { output, lines } = setUp()
  lines.write('a\n')
  lines.flush()
  lines.flush()
  await nextTurn()
  expect(output.writes).toEqual(['a\n'])
})

describe('while the output is stuck', () => {
  const line = `${'x'.repeat(99)}\n`

  test('lines wait, and are written in order when it takes lines again', async () => {
    const { output, dropped, lines } = setUp()
    output.stick()
    lines.write('a\n')
    await nextTurn()
    lines.write('b\n')
    await nextTurn()
    lines.write('c\n')
    await nextTurn()
    expect(output.writes).toEqual(['a\n'])
    output.take()
    await nextTurn()
    expect(output.writes).toEqual(['a\n', 'b\nc\n'])
    expect(dropped).toEqual([])
  })

  test('at most a mebibyte waits, and the number of dropped lines is told', async () => {
    const { output, dropped, lines } = setUp()
    output.stick()
    lines.write('first\n')
    await nextTurn()
    for (let count = 0; count < 100_000; count++) lines.write(line)
    output.take()
    await nextTurn()
    const kept = (output.text.length - 'first\n'.length) / line.length
    expect(output.text.length).toBeWithin(1_000_000, 1024 * 1024 + 10)
    expect(dropped).toEqual([100_000 - kept])
    expect(lines.dropped).toBe(100_000 - kept)
  })

  test('drain resolves when it has taken every line', async () => {
    const { output, lines } = setUp()
    output.stick()
    lines.write('a\n')
    await nextTurn()
    lines.write('b\n')
    let isDrained = false
    const drained = lines.drain().then(() => {
      isDrained = true
    })
    await nextTurn()
    expect(isDrained).toBe(false)
    output.take()
    await drained
    expect(output.text).toBe('a\nb\n')
  })

  test('flush writes what waits, because the process ends', async () => {
    const { output, lines } = setUp()
    output.stick()
    lines.write('a\n')
    await nextTurn()
    lines.write('b\n')
    lines.flush()
    expect(output.text).toBe('a\nb\n')
  })
})

const closed: Readonly<Record<string, (text: string) => unknown>> = {
  'at once': () => {
    throw new Error('closed')
  },
  later: () => undefined,
}
for (const [when, write] of Object.entries(closed)) {
  test(`an output that fails ${when} disturbs nobody`, async () => {
    const lines = new LineWriter({ write, flush: () => Promise.reject(new Error('closed')) }, () => undefined)
    for (const line of ['a\n', 'b\n']) {
      lines.write(line)
      await nextTurn()
      await nextTurn()
    }
    expect(() => lines.flush()).not.toThrow()
  })
}

// a pipe takes 64 KiB at once; what its reader has not made room for when the process ends is lost
test('a line that is written right before the process ends is not lost', async () => {
  const ends = { exit: 'process.exit(3)', crash: 'throw new Error("crash")', end: '' }
  for (const [how, end] of Object.entries(ends)) {
    const code = `
      const { LineWriter } = await import(${JSON.stringify(`${import.meta.dir}/line-writer.ts`)})
      const lines = new LineWriter(Bun.stdout.writer(), () => undefined)
      process.on('exit', () => lines.flush())
      for (let count = 0; count < 600; count++) lines.write(count + ' ' + 'x'.repeat(90) + '\\n')
      ${end}`
    const child = Bun.spawn([process.execPath, '-e', code], { stdout: 'pipe', stderr: 'ignore' })
    const printed = await new Response(child.stdout).text()
    expect(
      printed.split('\n').map((line) => line.split(' ')[0]),
      how,
    ).toEqual([...Array(600).keys(), ''].map(String))
  }
})
