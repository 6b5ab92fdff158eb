import { describe, expect, test } from 'bun:test'
import { ChatError } from '../chat/error.ts'
import { Inbox } from './inbox.ts'
import { newCancel } from './machine.double.ts'

const broken = new ChatError('upstream-failed', { message: 'It broke.' })

function inbox(maxBytes?: number) {
  const controller = newCancel()
  let releases = 0
  const box = new Inbox<string>({
    signal: controller,
    release: () => void releases++,
    ...(maxBytes !== undefined && { maxBytes }),
  })
  return { box, controller, releases: () => releases }
}

/** Reads to the end. @returns the values and the error */
async function readAll(box: AsyncIterable<string>): Promise<unknown[]> {
  const read: unknown[] = []
  try {
    for await (const value of box) read.push(value)
  } catch (thrown) {
    read.push(thrown)
  }
  return read
}

describe('an inbox', () => {
  test('gives values in order, before and while its reader waits', async () => {
    const { box, releases } = inbox()
    box.push('a', 1)
    box.push('b', 1)
    const reading = readAll(box)
    await Bun.sleep(0)
    box.push('c', 1)
    await Bun.sleep(0)
    box.push('d', 1)
    box.close()
    expect(await reading).toEqual(['a', 'b', 'c', 'd'])
    expect(releases()).toBe(1)
  })

  test('that fails gives the waiting values first, and then its error once', async () => {
    const { box, releases } = inbox()
    box.push('a', 1)
    box.fail(broken)
    box.push('late', 1)
    expect(await readAll(box)).toEqual(['a', broken])
    expect(await box.next()).toEqual({ done: true, value: undefined })
    expect(releases()).toBe(1)
  })

  test('fails the reader that waits', async () => {
    const { box } = inbox()
    const waiting = box.next()
    box.fail(broken)
    await expect(waiting).rejects.toBe(broken)
    expect(await box.next()).toEqual({ done: true, value: undefined })
  })

  test('ends with its signal at once, and drops the waiting values', async () => {
    const { box, controller, releases } = inbox()
    box.push('a', 1)
    controller.abort(broken)
    expect(await readAll(box)).toEqual([broken])
    expect(releases()).toBe(1)
  })

  test('whose signal is aborted already is empty and closed', async () => {
    const controller = newCancel()
    controller.abort(broken)
    let releases = 0
    const box = new Inbox<string>({ signal: controller, release: () => void releases++ })
    box.push('a', 1)
    expect(await readAll(box)).toEqual([broken])
    expect(releases).toBe(1)
  })

  test('leaves no listener behind after any ending', async () => {
    const endings: readonly ((box: Inbox<string>) => unknown)[] = [
      (box) => box.close(),
      (box) => box.fail(broken),
      (box) => box.abort(broken),
      (box) => box.return(),
      (box) => box.push('x', 2_000),
    ]
    for (const end of endings) {
      const { box, controller, releases } = inbox(1_000)
      expect(controller.followers).toBe(1)
      await end(box)
      expect(controller.followers).toBe(0)
      controller.abort(new Error('left'))
      expect(releases()).toBe(1)
    }
  })

  test('closes when its reader leaves', async () => {
    const { box, releases } = inbox()
    box.push('a', 1)
    box.push('b', 1)
    for await (const _ of box) break
    expect(releases()).toBe(1)
    expect(await box.next()).toEqual({ done: true, value: undefined })
  })

  test('that would hold too much fails its reader and closes', async () => {
    const { box, releases } = inbox(1_000)
    box.push('a', 400)
    box.push('b', 400)
    expect(releases()).toBe(0)
    box.push('c', 400)
    expect(releases()).toBe(1)
    expect(await readAll(box)).toMatchObject([{ reason: 'upstream-failed', code: 'upstream_response_too_large' }])
  })

  test('takes any amount from a reader that keeps up', async () => {
    const { box, releases } = inbox(1_000)
    for (let round = 0; round < 10; round++) {
      box.push('a', 400)
      box.push('b', 400)
      expect((await box.next()).value).toBe('a')
      expect((await box.next()).value).toBe('b')
    }
    expect(releases()).toBe(0)
  })

  test('counts empty values too', async () => {
    const { box, releases } = inbox()
    for (let at = 0; at < 1_000_000 && releases() === 0; at++) box.push('', 0)
    expect(releases()).toBe(1)
  })
})
